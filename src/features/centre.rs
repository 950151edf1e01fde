//! Centring and scaling one value: the one place where a transformed value becomes a scaled one.

/// The mean of a feature and what its centred values are multiplied by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Centre {
    /// The mean is `high + low`, to twice the bits of a f64.
    pub high: f64,
    pub low: f64,
    pub factor: f64,
}

impl Centre {
    /// `(value - mean) · factor`.
    ///
    /// The difference is taken to twice the bits and rounded once, so that it does not depend on an offset that
    /// value and mean share: `near + lost` is `value - high` exactly (Knuth's two-sum), whatever the magnitudes.
    #[inline]
    pub fn scaled(&self, value: f64) -> f64 {
        let near = value - self.high;
        let taken = near - value;
        let lost = (value - (near - taken)) - (self.high + taken);
        (near + (lost - self.low)) * self.factor
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::moments::Moments;

    #[test]
    fn an_exact_shift_of_all_values_changes_no_scaled_value() {
        let values: Vec<f64> = (0..2_000u64).map(|i| ((i * i * 7919) % 1_000_003) as f64 / 1024.0).collect();
        let scaled = |offset: f64| {
            let shifted: Vec<f64> = values.iter().map(|v| v + offset).collect();
            let mut moments = Moments::default();
            moments.add(&shifted);
            let (high, low) = moments.mean();
            let centre = Centre { high, low, factor: 1.0 / moments.standard_deviation() };
            shifted.iter().map(|v| centre.scaled(*v)).collect::<Vec<f64>>()
        };
        let plain = scaled(0.0);
        for offset in [1e9, -1e9, 4096.0, 1e12] {
            assert_eq!(scaled(offset), plain);
        }
    }

    #[test]
    fn the_difference_is_rounded_once_whatever_the_magnitudes() {
        let centre = Centre { high: 1.0, low: 1e-20, factor: 1.0 };
        assert_eq!(centre.scaled(1.0), -1e-20);
        assert_eq!(centre.scaled(1e30), 1e30);
        assert_eq!(Centre { high: 1e30, low: -3.0, factor: 2.0 }.scaled(1e30), 6.0);
        assert_eq!(Centre { high: 1e16, low: 0.5, factor: 1.0 }.scaled(1.0), -1e16 + 0.5);
    }
}
