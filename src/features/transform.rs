//! A feature's transform, there and back, in arithmetic that is the same on every machine (the `libm` crate, IEEE
//! basic operations).

use crate::job::Transform;
use crate::source::Numbers;

/// Applies the transform to a value; none where the value is outside of its domain. A NaN stays one.
pub fn apply(transform: Transform, value: f64) -> Option<f64> {
    match transform {
        Transform::None => Some(value),
        Transform::Log1p if value <= -1.0 => None,
        Transform::Log1p => Some(libm::log1p(value)),
        Transform::Sqrt if value < 0.0 => None,
        Transform::Sqrt => Some(value.sqrt()),
        Transform::Clip { low, high } => Some(clip(value, low, high)),
    }
}

/// Applies the transform to values that are all within its domain; others of a list are left as they are.
pub fn change(transform: Transform, numbers: &mut Numbers) {
    if transform != Transform::None {
        numbers.change(|value| apply(transform, value).unwrap_or(value));
    }
}

/// The first row outside of the transform's domain.
pub fn first_outside(transform: Transform, numbers: &Numbers) -> Option<usize> {
    match transform {
        Transform::None | Transform::Clip { .. } => None,
        Transform::Log1p => numbers.first(|v| v <= -1.0),
        Transform::Sqrt => numbers.first(|v| v < 0.0),
    }
}

/// From the transformed scale back to the user's units: for showing centroids.
pub fn invert(transform: Transform, value: f64) -> f64 {
    match transform {
        Transform::None | Transform::Clip { .. } => value,
        Transform::Log1p => libm::expm1(value),
        Transform::Sqrt => value * value,
    }
}

/// What the transform asks of a value, for messages.
pub fn domain(transform: Transform) -> &'static str {
    match transform {
        Transform::None | Transform::Clip { .. } => "a finite number",
        Transform::Log1p => "greater than -1",
        Transform::Sqrt => "0 or more",
    }
}

/// The name the job file gives it, for messages.
pub fn name(transform: Transform) -> &'static str {
    match transform {
        Transform::None => "none",
        Transform::Log1p => "log1p",
        Transform::Sqrt => "sqrt",
        Transform::Clip { .. } => "clip",
    }
}

fn clip(value: f64, low: f64, high: f64) -> f64 {
    let value = if value < low { low } else { value };
    if value > high { high } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIP: Transform = Transform::Clip { low: -2.0, high: 5.0 };

    #[test]
    fn values_come_back_from_their_transform() {
        for value in [0.0, 0.5, 3.0, 1e6] {
            for transform in [Transform::None, Transform::Log1p, Transform::Sqrt] {
                let there = apply(transform, value).map(|v| invert(transform, v));
                assert!(there.is_some_and(|v| (v - value).abs() <= 1e-9 * value));
            }
        }
        assert_eq!(apply(CLIP, 7.0), Some(5.0));
        assert_eq!(apply(CLIP, -7.0), Some(-2.0));
        assert_eq!(apply(CLIP, 1.5), Some(1.5));
    }

    #[test]
    fn values_outside_of_the_domain_are_refused_at_their_position() {
        let first = |transform, values: &[f64]| first_outside(transform, &values.to_vec().into());
        assert_eq!(first(Transform::Log1p, &[0.0, -0.999, -1.0]), Some(2));
        assert_eq!(first(Transform::Sqrt, &[0.0, -0.0, -1e-300]), Some(2));
        assert_eq!(first(Transform::Log1p, &[0.0, f64::NAN, -1.0]), Some(2));
        assert_eq!(first(Transform::Sqrt, &[0.0, -0.0]), None);
        assert_eq!(apply(Transform::Log1p, -1.0), None);
    }

    #[test]
    fn a_missing_value_stays_missing() {
        for transform in [Transform::None, Transform::Log1p, Transform::Sqrt, CLIP] {
            assert!(apply(transform, f64::NAN).is_some_and(f64::is_nan));
            let mut numbers = Numbers::Values(vec![f64::NAN, 0.0]);
            assert_eq!(first_outside(transform, &numbers), None);
            change(transform, &mut numbers);
            let values = numbers.into_values();
            assert!(values[0].is_nan() && !values[1].is_nan());
        }
    }
}
