//! Variants of the kernel for many models: one text, other constants. All give the same sums and the same labels; which is
//! the fastest depends on the device and on how much work there is, and nobody can tell without trying.
//!
//! What they change is what counters do not show: how many workgroups there are to spread over a device, how often a
//! thread waits for centroids, and how many threads add to one word at once.

use super::limits::WORKGROUP_WORDS;

/// What is put in front of `shaders/lloyd.wgsl` beside the shape of the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Constants {
    /// Invocations of a workgroup.
    pub threads: usize,
    pub rows_per_group: usize,
    /// Rows that a thread takes at once.
    pub together: usize,
    /// How often each sum stands in workgroup memory.
    pub copies: usize,
}

/// One way to walk the matrix with many models.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Variant {
    /// Few, large workgroups: the fewest additions to the totals.
    Usual,
    /// Four times as many workgroups: a wide device has something to do everywhere, at four times the additions to the
    /// totals; half the threads in each, for devices that have few registers.
    Short,
    /// Each centroid is read once for two rows, and two distances are under way at once, at twice the registers. This and
    /// the others have twice as many workgroups as usual.
    Paired,
    /// Two copies of each sum, where there is no room for four.
    Twofold,
    /// Four copies of each sum: with few clusters most threads of a wave add to the same words, one after the other.
    Fourfold,
}

/// Up to so many features two rows at once stand in registers: up to 72 of them at 10
/// and 96 at 16 on AMD, whose compiler takes more for one row of 64.
pub const PAIRED_FEATURES_MAX: usize = 16;

impl Variant {
    pub const ALL: [Variant; 5] =
        [Variant::Usual, Variant::Short, Variant::Paired, Variant::Twofold, Variant::Fourfold];

    /// In one word, as it is said and kept.
    pub fn name(self) -> &'static str {
        match self {
            Variant::Usual => "usual",
            Variant::Short => "short",
            Variant::Paired => "paired",
            Variant::Twofold => "twofold",
            Variant::Fourfold => "fourfold",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|variant| variant.name() == name)
    }

    pub fn constants(self) -> Constants {
        let usual = Constants { threads: 256, rows_per_group: crate::grid::BLOCK_ROWS, together: 1, copies: 1 };
        let halved = Constants { rows_per_group: usual.rows_per_group / 2, ..usual };
        match self {
            Variant::Usual => usual,
            Variant::Short => Constants { threads: 128, rows_per_group: usual.rows_per_group / 4, ..usual },
            Variant::Paired => Constants { together: 2, ..halved },
            Variant::Twofold => Constants { copies: 2, ..halved },
            Variant::Fourfold => Constants { copies: 4, ..halved },
        }
    }

    /// Whether it walks rows of so many features with models whose sums take so many words.
    pub fn fits(self, n_features: usize, sum_words: usize) -> bool {
        let Constants { together, copies, .. } = self.constants();
        (together == 1 || n_features <= PAIRED_FEATURES_MAX) && sum_words * copies <= WORKGROUP_WORDS as usize
    }

    /// What is worth a try: of several numbers of copies the largest that there is room for.
    pub fn worth_a_try(n_features: usize, sum_words: usize) -> Vec<Variant> {
        let fits = |variant: &Variant| variant.fits(n_features, sum_words);
        let mut fitting: Vec<Variant> = Self::ALL.into_iter().filter(fits).collect();
        if fitting.contains(&Variant::Fourfold) {
            fitting.retain(|variant| *variant != Variant::Twofold);
        }
        fitting
    }
}

// Sums of one word hold no more rows than a block has, whatever the variant.
const _: () = assert!(crate::grid::BLOCK_ROWS.is_multiple_of(4 * 128));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back_to_their_variants() {
        for variant in Variant::ALL {
            assert_eq!(Variant::named(variant.name()), Some(variant));
        }
        assert_eq!(Variant::named("unusual"), None);
    }

    #[test]
    fn rows_are_dealt_out_evenly_and_sums_of_one_word_hold_them() {
        for variant in Variant::ALL {
            let Constants { threads, rows_per_group, together, copies } = variant.constants();
            assert_eq!(rows_per_group % (threads * together), 0, "{variant:?}");
            assert!(rows_per_group <= crate::grid::BLOCK_ROWS && threads <= 256, "{variant:?}");
            assert!(copies.is_power_of_two() && threads % copies == 0, "{variant:?}");
        }
    }

    #[test]
    fn what_is_tried_fits_and_the_usual_variant_comes_first() {
        use Variant::{Fourfold, Paired, Short, Twofold, Usual};
        for (d, words, expected) in [
            (10, 55, vec![Usual, Short, Paired, Fourfold]),
            (10, 1024, vec![Usual, Short, Paired, Fourfold]),
            (10, 1025, vec![Usual, Short, Paired, Twofold]),
            (10, 2048, vec![Usual, Short, Paired, Twofold]),
            (16, 2049, vec![Usual, Short, Paired]),
            (17, 4096, vec![Usual, Short]),
        ] {
            assert_eq!(Variant::worth_a_try(d, words), expected, "d = {d}, {words} words");
        }
    }
}
