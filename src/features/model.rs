//! What was fitted: everything needed to turn a customer into grid values again, and grid values into the user's
//! units. Written into the published model; reading it back gives the same bits.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Place, Result};
use crate::grid::{COORDINATE_MAX, Grid};
use crate::job::{Missing, Scale, Transform};
use crate::source::Batch;

use super::centre::Centre;
use super::rows;
use super::transform;

/// The features of a model, in the order of its coordinates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FeatureModel {
    pub grid: Grid,
    pub features: Vec<FittedFeature>,
}

/// One feature with what was fitted to it.
///
/// A value x becomes `z = (transform(x) - mean) · factor` in scaled units, where a missing x is `fill` first, and z
/// over the grid's step, rounded once, is its coordinate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FittedFeature {
    pub column: String,
    pub transform: Transform,
    pub scale: Scale,
    pub missing: Missing,
    pub weight: f64,
    /// What replaces a missing value, before the transform, in the user's units.
    pub fill: Option<f64>,
    /// Mean of the transformed values: the sum of these two.
    pub mean: f64,
    pub mean_rest: f64,
    /// Weight over spread; 0 for a constant feature.
    pub factor: f64,
    /// All its values are the same, so that it counts for nothing.
    pub constant: bool,
    /// Kept rows of the fit whose value was replaced.
    pub imputed: u64,
}

impl FeatureModel {
    /// The columns of the features, in their order; a column may stand there twice.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.features.iter().map(|f| f.column.as_str())
    }

    /// The columns that decide which rows belong to the model: those of the features that drop rows.
    pub fn dropping(&self) -> impl Iterator<Item = &str> {
        self.features.iter().filter(|f| f.missing == Missing::Drop).map(|f| f.column.as_str())
    }

    /// Which rows of a later read belong to the model; none where all do. The first coded columns of the batch are
    /// those that decide it, in the order of [`FeatureModel::dropping`].
    pub fn kept(&self, batch: &Batch) -> Option<Vec<bool>> {
        let mut kept: Option<Vec<bool>> = None;
        for (_, column) in self.dropping().zip(&batch.coded) {
            if column.first(rows::is_missing).is_some() {
                rows::drop_missing(column, kept.get_or_insert_with(|| vec![true; batch.n_rows]));
            }
        }
        kept
    }

    /// A coordinate of a feature in the user's units: what a centroid there looks like. A constant feature shows its
    /// constant.
    pub fn show(&self, feature: usize, coordinate: i64) -> f64 {
        let Some(fitted) = self.features.get(feature) else { return f64::NAN };
        if fitted.constant {
            return transform::invert(fitted.transform, fitted.mean);
        }
        let centred = coordinate as f64 * self.grid.step() / fitted.factor;
        transform::invert(fitted.transform, fitted.mean + (centred + fitted.mean_rest))
    }

    /// A centroid of an earlier model on this grid: the same place in the transformed units, as near as the grid has
    /// it. None where the earlier model was made from other columns or other transforms.
    pub fn carried(&self, earlier: &FeatureModel, centroid: &[i64]) -> Option<Vec<i64>> {
        let same = |(own, other): (&FittedFeature, &FittedFeature)| {
            own.column == other.column && own.transform == other.transform
        };
        let alike = self.features.len() == earlier.features.len() && centroid.len() == self.features.len();
        if !alike || !self.features.iter().zip(&earlier.features).all(same) {
            return None;
        }
        let carry = |((own, other), &coordinate): ((&FittedFeature, &FittedFeature), &i64)| {
            let centred = if other.constant { 0.0 } else { coordinate as f64 * earlier.grid.step() / other.factor };
            self.in_steps(own, other.mean + (centred + other.mean_rest))
        };
        Some(self.features.iter().zip(&earlier.features).zip(centroid).map(carry).collect())
    }

    /// The coordinates of one row from its values as the columns hold them, one per feature. A missing value that is
    /// not replaced, and a value outside of its transform's domain, are errors that name the column.
    pub fn grid_row(&self, values: &[f64]) -> Result<Vec<i64>> {
        if values.len() != self.features.len() {
            return Err(Error::bug("a row with another number of values than there are features"));
        }
        self.features.iter().zip(values).map(|(feature, value)| self.coordinate(feature, *value)).collect()
    }

    fn coordinate(&self, feature: &FittedFeature, value: f64) -> Result<i64> {
        let wrong = |message: String| {
            Error::bad_data(message).at(Place { column: Some(feature.column.clone()), ..Place::default() })
        };
        let value = if value.is_finite() { Some(value) } else { feature.fill };
        let value = value.ok_or_else(|| wrong("a value is missing, and nothing replaces it".into()))?;
        let value =
            transform::apply(feature.transform, value).ok_or_else(|| wrong(rows::outside(feature.transform)))?;
        Ok(self.in_steps(feature, value))
    }

    /// A transformed value as a coordinate.
    fn in_steps(&self, feature: &FittedFeature, value: f64) -> i64 {
        // A power of two: the rounding below is that of scaled units over the step.
        let in_steps = Centre { factor: libm::scalbn(feature.factor, -self.grid.exponent), ..feature.centre() };
        (libm::rint(in_steps.scaled(value)) as i64).clamp(-COORDINATE_MAX, COORDINATE_MAX)
    }
}

impl FittedFeature {
    /// Turns transformed values into scaled ones.
    pub(super) fn centre(&self) -> Centre {
        Centre { high: self.mean, low: self.mean_rest, factor: self.factor }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model() -> FeatureModel {
        let feature = |column: &str, transform, factor, constant| FittedFeature {
            column: column.into(),
            transform,
            scale: Scale::Standard,
            missing: Missing::Median,
            weight: 1.0,
            fill: Some(3.0),
            mean: 2.0 / 3.0,
            mean_rest: 1e-17,
            factor,
            constant,
            imputed: 4,
        };
        let clip = Transform::Clip { low: -1e300, high: 1.0 / 3.0 };
        FeatureModel {
            grid: Grid { exponent: -17 },
            features: vec![
                feature("spend", Transform::Log1p, 1.0 / 0.3, false),
                feature("one", clip, 0.0, true),
                feature("visits", Transform::Sqrt, 0.1, false),
            ],
        }
    }

    #[test]
    fn a_model_read_back_is_the_same_to_the_last_bit() {
        let model = model();
        let text = serde_json::to_string(&model).unwrap();
        assert_eq!(serde_json::from_str::<FeatureModel>(&text).unwrap(), model);
        assert!(text.contains("\"transform\":\"log1p\"") && text.contains("\"missing\":\"median\""), "{text}");
    }

    #[test]
    fn a_centroid_is_carried_to_another_grid_by_its_place_and_only_between_the_same_features() {
        let (old, mut new) = (model(), model());
        new.grid = Grid { exponent: -15 };
        new.features[0].mean += 1.0;
        new.features[2].factor *= 3.0;
        let row = old.grid_row(&[20.0, 9.0, 5.0]).unwrap();
        let carried = new.carried(&old, &row).unwrap();
        for (feature, &there) in carried.iter().enumerate().filter(|(feature, _)| *feature != 1) {
            let (from, to) = (old.show(feature, row[feature]), new.show(feature, there));
            assert!((from - to).abs() < 1e-3 * from, "{from} {to}");
        }
        assert_eq!(old.carried(&old, &row).unwrap(), row);
        new.features[0].transform = Transform::Sqrt;
        assert_eq!(new.carried(&old, &row), None);
        assert_eq!(new.carried(&old, &row[1..]), None);
    }

    #[test]
    fn coordinates_are_shown_in_the_users_units() {
        let model = model();
        for value in [0.0, 0.5, 20.0] {
            let row = model.grid_row(&[value, 9.0, value]).unwrap();
            assert!((model.show(0, row[0]) - value).abs() < 1e-3 * (1.0 + value));
            assert_eq!(row[1], 0);
            assert_eq!(model.show(1, row[1]), 2.0 / 3.0);
            assert!((model.show(2, row[2]) - value).abs() < 1e-3 * (1.0 + value));
        }
    }

    #[test]
    fn a_missing_value_is_replaced_and_one_outside_of_the_domain_refused_by_name() {
        let model = model();
        assert_eq!(model.grid_row(&[f64::NAN, 0.0, 0.0]).unwrap()[0], model.grid_row(&[3.0, 0.0, 0.0]).unwrap()[0]);
        let error = model.grid_row(&[-2.0, 0.0, 0.0]).unwrap_err();
        assert_eq!(error.place().column.as_deref(), Some("spend"));
    }
}
