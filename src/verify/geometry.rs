//! Where a customer lies on the grid, and which centroid is how near, in whole numbers.

use crate::error::{Error, Result};
use crate::job::{Missing, Transform};
use crate::store::Model;

/// A run holds rows that lie farther out than this many steps there; only rows without weight can.
const STEPS_MAX: i64 = 1 << 50;

/// A coordinate this near to half a step may round either way in another arithmetic.
const EDGE: f64 = 1e-6;

/// A model as it is needed here.
pub(super) struct Geometry<'a> {
    model: &'a Model,
    pub step: f64,
    /// In the order that decides ties: the published number, and the centroid.
    centroids: Vec<(usize, &'a [i64])>,
}

/// A place on the grid.
#[derive(Debug, Default)]
pub(super) struct Point {
    pub steps: Vec<i64>,
    /// Some coordinate may round either way.
    pub at_edge: bool,
}

/// How near a point is to the centroids: squares of distances, in steps.
#[derive(Debug, Clone, Copy)]
pub(super) struct Near {
    pub cluster: usize,
    pub square: i128,
    pub second: Option<i128>,
    /// To the centroid of the cluster that was published.
    pub published: Option<i128>,
}

impl<'a> Geometry<'a> {
    pub fn new(model: &'a Model) -> Geometry<'a> {
        let mut order: Vec<_> = model.clusters.iter().collect();
        order.sort_by_key(|cluster| cluster.internal);
        let centroids = order.iter().map(|cluster| (cluster.cluster, cluster.centroid.as_slice())).collect();
        Geometry { model, step: 2f64.powi(model.features.grid.exponent), centroids }
    }

    pub fn n_features(&self) -> usize {
        self.model.features.features.len()
    }

    pub fn n_clusters(&self) -> usize {
        self.centroids.len()
    }

    /// The first feature for whose sake a row is left out.
    pub fn dropped_by(&self, value: impl Fn(usize) -> f64) -> Option<usize> {
        let features = self.model.features.features.iter().enumerate();
        features
            .filter(|(_, feature)| feature.missing == Missing::Drop)
            .map(|(f, _)| f)
            .find(|f| !value(*f).is_finite())
    }

    /// Puts a row on the grid.
    pub fn locate(&self, value: impl Fn(usize) -> f64, point: &mut Point) {
        point.steps.clear();
        point.at_edge = false;
        for (f, feature) in self.model.features.features.iter().enumerate() {
            let raw = Some(value(f)).filter(|v| v.is_finite()).or(feature.fill).unwrap_or(f64::NAN);
            let moved = match feature.transform {
                Transform::None => raw,
                Transform::Log1p => raw.ln_1p(),
                Transform::Sqrt => raw.sqrt(),
                Transform::Clip { low, high } => raw.max(low).min(high),
            };
            let steps = (moved - feature.mean - feature.mean_rest) * feature.factor / self.step;
            // Near half a step, and for large coordinates the rounding of f64 itself decides.
            point.at_edge |= (steps.fract().abs() - 0.5).abs() < EDGE + steps.abs() * 1e-12;
            point.steps.push((steps.round_ties_even() as i64).clamp(-STEPS_MAX, STEPS_MAX));
        }
    }

    pub fn nearest(&self, point: &Point, published: Option<usize>) -> Result<Near> {
        let mut near: Option<Near> = None;
        let mut of_published = None;
        for &(cluster, centroid) in &self.centroids {
            let square = square(&point.steps, centroid);
            if published == Some(cluster) {
                of_published = Some(square);
            }
            near = Some(match near {
                Some(near) if square >= near.square => {
                    Near { second: Some(near.second.map_or(square, |second| second.min(square))), ..near }
                }
                other => Near { cluster, square, second: other.map(|near| near.square), published: None },
            });
        }
        let near = near.ok_or_else(|| Error::bad_data("a model without clusters"))?;
        Ok(Near { published: of_published, ..near })
    }
}

/// Squared distance of two places.
pub(super) fn square(a: &[i64], b: &[i64]) -> i128 {
    let squared = |(a, b): (&i64, &i64)| {
        let difference = i128::from(*a) - i128::from(*b);
        difference * difference
    };
    a.iter().zip(b).map(squared).sum()
}
