//! A model as kernels want it: centroids in f32, and the bound below which two distances are too close to call.

use super::shaders::CentroidLayout;
use crate::grid::{Centroids, WIDE};

/// Clusters that meet a value together in the general kernels.
const GROUP: usize = 8;
/// Values of a centroid that are read together while a row stands in registers.
const QUAD: usize = 4;

/// Fills up the last group. Its squared distance is above 2^109, which no real centroid reaches (512 features, each
/// closer than 2^50 + 2^20), and 512 of its squares stay below f32's largest number.
const PADDING: f32 = (1u64 << 55) as f32;

/// The unit that WGSL promises: an addition, a product or an fma returns one of the two floats next to the exact value,
/// in whichever direction, so its relative error is below 2^-23.
const UNIT: f32 = 1.0 / (1 << 23) as f32;

/// Two computed distances are too close to call when `far - near <= far * tie`.
///
/// Values and narrow centroids are integers below 2^20 in size, so their difference is exact. A distance is the sum of d
/// squares; each square passes at most d roundings (its own product or fma, and the additions after it), so the
/// relative error of the sum is at most (1 + u)^d - 1 <= (d + 1)·u, with u = 2^-23 and d <= 512, in any order, fused or
/// not. Two distances with relative errors e are in true order when far - near > e·(far + near), hence when it exceeds
/// 2·e·far; the difference and the product in this test round too, for which (d + 2) in place of (d + 1) is room enough.
///
/// A wide centroid is rounded to f32. Up to 2^24 that is exact; above, it moves the centroid by at most 2^-24 of its
/// size, which is at most 1.07·2^-24 of the difference, because the value is below 2^20. The difference rounds by u.
/// Its square is off by less than 3.1·u for both, so d + 5 covers the sum, and (d + 8) the test as well.
pub(super) fn tie_factor(model: &Centroids) -> f32 {
    let wide = model.values().iter().any(|c| c.abs() >= WIDE);
    let roundings = model.n_features() + if wide { 8 } else { 2 };
    2.0 * roundings as f32 * UNIT
}

/// The centroids in f32.
pub(super) fn centroids(model: &Centroids, layout: CentroidLayout) -> Vec<f32> {
    match layout {
        CentroidLayout::Quads => {
            let quads = |row: &[i64]| {
                let mut quads: Vec<f32> = row.iter().map(|&c| c as f32).collect();
                quads.resize(row.len().next_multiple_of(QUAD), 0.0);
                quads
            };
            model.rows().flat_map(quads).collect()
        }
        CentroidLayout::Eights => {
            let (k, d) = (model.n_clusters(), model.n_features());
            let mut out = vec![PADDING; k.next_multiple_of(GROUP) * d];
            for (cluster, row) in model.rows().enumerate() {
                for (feature, &c) in row.iter().enumerate() {
                    out[(cluster / GROUP * d + feature) * GROUP + cluster % GROUP] = c as f32;
                }
            }
            out
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eights_stand_feature_after_feature_and_padding_is_out_of_reach() {
        let model = Centroids::new(0, 0, 2, (0..18).collect());
        let eights = centroids(&model, CentroidLayout::Eights);
        assert_eq!(eights.len(), 32);
        assert_eq!(&eights[..8], [0.0, 2.0, 4.0, 6.0, 8.0, 10.0, 12.0, 14.0]);
        assert_eq!((eights[16], eights[17]), (16.0, PADDING));
        assert!((PADDING * PADDING * 512.0).is_finite());
        let farthest = (crate::grid::COORDINATE_MAX + WIDE) as f32;
        assert!(PADDING * PADDING > farthest * farthest * 512.0);
    }

    #[test]
    fn quads_are_filled_up_cluster_by_cluster() {
        let of = |d: usize, values: &[i64]| centroids(&Centroids::new(0, 0, d, values.to_vec()), CentroidLayout::Quads);
        assert_eq!(of(3, &[1, 2, 3, 4, 5, 6]), [1.0, 2.0, 3.0, 0.0, 4.0, 5.0, 6.0, 0.0]);
        assert_eq!(of(4, &[1, 2, 3, 4]), [1.0, 2.0, 3.0, 4.0]);
        assert_eq!(of(5, &[1, 2, 3, 4, 5])[4..], [5.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn the_bound_is_exact_in_f32_and_grows_with_wide_centroids() {
        let narrow = Centroids::new(0, 0, 512, vec![WIDE - 1; 512]);
        assert_eq!(f64::from(tie_factor(&narrow)), 2.0 * 514.0 / f64::from(1 << 23));
        let wide = Centroids::new(0, 0, 512, vec![-WIDE; 512]);
        assert_eq!(f64::from(tie_factor(&wide)), 2.0 * 520.0 / f64::from(1 << 23));
    }
}
