//! The kernels as the device gets them: which WGSL files make up each, what stands in front of them, what they bind.
//! Tests compare these tables with what a validator finds in the text, without any device.

use super::limits::WORKGROUP_WORDS;
use super::variants::{Constants, PAIRED_FEATURES_MAX, Variant};

/// Rows per workgroup where sums stand in workgroup memory as i32: no more, or they could overflow.
const ROWS_LOCAL: usize = crate::grid::BLOCK_ROWS;
/// Rows per workgroup where sums go straight to memory; fewer, because such models are heavy.
const ROWS_GLOBAL: usize = 256;

/// Up to so many features a row stands in registers while it meets all models. Mesa's compiler for AMD takes about 100
/// registers at 64 and spills none; `shaders/report.tsv` has the figures.
pub const ROW_FEATURES_MAX: usize = 64;

/// Workgroup memory of a pass over few clusters, in words: small enough for as many workgroups as a device can hold.
pub const FEW_WORDS: u32 = 1024;

/// Whether rows carry sample weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Weights {
    None,
    Given,
}

impl Weights {
    /// Integers per cluster: d sums, the row count, and the weight where there is one.
    pub fn width(self, n_features: usize) -> usize {
        match self {
            Weights::None => n_features + 1,
            Weights::Given => n_features + 2,
        }
    }
}

/// Workgroup memory for the sums of a pass over many models.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Room {
    /// [`FEW_WORDS`].
    Few,
    /// All that WebGPU grants.
    Full,
}

impl Room {
    pub fn words(self) -> u32 {
        match self {
            Room::Few => FEW_WORDS,
            Room::Full => WORKGROUP_WORDS,
        }
    }
}

/// Where a general pass adds up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sums {
    /// In workgroup memory, then into the totals.
    Local,
    /// Straight into the totals.
    Global,
}

/// One compiled kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kernel {
    /// Many models, each row read once.
    Lloyd {
        d: usize,
        weights: Weights,
        room: Room,
        variant: Variant,
    },
    /// One model of any size.
    LloydGeneral {
        sums: Sums,
        weights: Weights,
    },
    Assign,
    Farthest {
        weights: Weights,
    },
    Silhouette,
}

/// What a binding is to its kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    Uniform,
    Read,
    ReadWrite,
}

pub const PARAMS: u32 = 0;
pub const PANELS: u32 = 1;
/// Centroids; the other rows of silhouette.
pub const CENTROIDS: u32 = 2;
/// Labels; `largest` of farthest; sums of silhouette.
pub const LABELS: u32 = 3;
/// The models of a pass.
pub const MODELS: u32 = 3;
pub const TOTALS: u32 = 4;
pub const NOTES: u32 = 5;
pub const WEIGHTS: u32 = 6;
/// One bit per row of the chunk.
pub const AUDITED: u32 = 7;

/// How centroids lie in memory for a kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CentroidLayout {
    /// Cluster after cluster, each filled up with zeros to whole quads.
    Quads,
    /// Groups of eight clusters, feature after feature.
    Eights,
}

impl Kernel {
    /// Words of workgroup memory that the sums of a model take.
    pub fn sum_words(n_features: usize, n_clusters: usize, weights: Weights) -> usize {
        n_clusters * weights.width(n_features) * words_per_sum(weights)
    }

    /// Whether a model of this shape can share a pass with others.
    pub fn shares(n_features: usize, n_clusters: usize, weights: Weights) -> bool {
        n_features <= ROW_FEATURES_MAX && Self::sum_words(n_features, n_clusters, weights) <= WORKGROUP_WORDS as usize
    }

    /// The kernel of a pass for models whose sums take so many words together; the usual one where the variant does not
    /// fit them.
    pub fn lloyd(n_features: usize, sum_words: usize, weights: Weights, variant: Variant) -> Self {
        let variant = if variant.fits(n_features, sum_words) { variant } else { Variant::Usual };
        let words = sum_words * variant.constants().copies;
        let room = if words <= FEW_WORDS as usize { Room::Few } else { Room::Full };
        Kernel::Lloyd { d: n_features, weights, room, variant }
    }

    /// The kernel of a pass for one model that cannot share.
    pub fn lloyd_general(n_features: usize, n_clusters: usize, weights: Weights) -> Self {
        let words = Self::sum_words(n_features, n_clusters, weights);
        let sums = if words <= WORKGROUP_WORDS as usize { Sums::Local } else { Sums::Global };
        Kernel::LloydGeneral { sums, weights }
    }

    /// What a run over such rows will ask for whatever it does: a pass and the labels.
    pub fn usual(n_features: usize, weights: Weights) -> Vec<Kernel> {
        let pass = match n_features <= ROW_FEATURES_MAX {
            true => {
                let (d, variant) = (n_features, Variant::Usual);
                [Room::Few, Room::Full].map(|room| Kernel::Lloyd { d, weights, room, variant }).to_vec()
            }
            false => vec![Kernel::LloydGeneral { sums: Sums::Local, weights }],
        };
        [pass, vec![Kernel::Assign]].concat()
    }

    /// All kernels there are.
    pub fn all() -> Vec<Kernel> {
        let mut all = vec![Kernel::Assign, Kernel::Silhouette];
        for weights in [Weights::None, Weights::Given] {
            for variant in Variant::ALL {
                let together = variant.constants().together;
                let most = if together == 1 { ROW_FEATURES_MAX } else { PAIRED_FEATURES_MAX };
                for d in 1..=most {
                    all.extend([Room::Few, Room::Full].map(|room| Kernel::Lloyd { d, weights, room, variant }));
                }
            }
            all.extend([Sums::Local, Sums::Global].map(|sums| Kernel::LloydGeneral { sums, weights }));
            all.push(Kernel::Farthest { weights });
        }
        all
    }

    pub fn stem(self) -> &'static str {
        match self {
            Kernel::Lloyd { .. } => "lloyd",
            Kernel::LloydGeneral { .. } => "lloyd_general",
            Kernel::Assign => "assign",
            Kernel::Farthest { .. } => "farthest",
            Kernel::Silhouette => "silhouette",
        }
    }

    pub fn rows_per_group(self) -> usize {
        match self {
            Kernel::Lloyd { variant, .. } => variant.constants().rows_per_group,
            Kernel::LloydGeneral { sums: Sums::Local, .. } => ROWS_LOCAL,
            Kernel::LloydGeneral { sums: Sums::Global, .. } => ROWS_GLOBAL,
            Kernel::Assign => 128,
            Kernel::Farthest { .. } | Kernel::Silhouette => 64,
        }
    }

    pub fn centroid_layout(self) -> CentroidLayout {
        match self {
            Kernel::Lloyd { .. } => CentroidLayout::Quads,
            _ => CentroidLayout::Eights,
        }
    }

    pub fn bindings(self) -> Vec<(u32, Access)> {
        use Access::{Read, ReadWrite, Uniform};
        let data = [(PARAMS, Uniform), (PANELS, Read), (CENTROIDS, Read)];
        let pass = [(TOTALS, ReadWrite), (NOTES, ReadWrite), (AUDITED, Read)];
        let more = match self {
            Kernel::Lloyd { .. } => [&pass[..], &[(MODELS, Read)]].concat(),
            Kernel::LloydGeneral { .. } => pass.to_vec(),
            Kernel::Assign | Kernel::Farthest { .. } | Kernel::Silhouette => vec![(LABELS, ReadWrite)],
        };
        let weights = (self.weights() == Weights::Given).then_some((WEIGHTS, Read));
        data.into_iter().chain(more).chain(weights).collect()
    }

    /// The usual one where there is no other.
    pub fn variant(self) -> Variant {
        match self {
            Kernel::Lloyd { variant, .. } => variant,
            _ => Variant::Usual,
        }
    }

    fn weights(self) -> Weights {
        match self {
            Kernel::Lloyd { weights, .. } | Kernel::LloydGeneral { weights, .. } | Kernel::Farthest { weights } => {
                weights
            }
            Kernel::Assign | Kernel::Silhouette => Weights::None,
        }
    }

    /// The whole text: constants in front, then the files.
    pub fn source(self) -> String {
        let panel = include_str!("../../../shaders/panel.wgsl");
        let nearest = include_str!("../../../shaders/nearest.wgsl");
        let weight_of = match self.weights() {
            Weights::None => "fn weight_of(row: u32) -> u32 { return 1u; }\n",
            Weights::Given => include_str!("../../../shaders/weights.wgsl"),
        };
        let pass = [
            panel,
            include_str!("../../../shaders/totals.wgsl"),
            include_str!("../../../shaders/sums.wgsl"),
            include_str!("../../../shaders/notes.wgsl"),
            weight_of,
        ]
        .join("\n");
        match self {
            Kernel::Lloyd { d, room, variant, .. } => {
                let Constants { threads, rows_per_group, together, copies } = variant.constants();
                let constants = format!(
                    "const D: u32 = {d}u;\nconst THREADS: u32 = {threads}u;\nconst ROWS: u32 = {rows_per_group}u;\n\
                     const TOGETHER: u32 = {together}u;\n{}",
                    self.sum_constants(true, room.words(), copies)
                );
                [&constants, &pass, include_str!("../../../shaders/lloyd.wgsl")].join("\n")
            }
            Kernel::LloydGeneral { sums, .. } => {
                let local = sums == Sums::Local;
                let words = if local { WORKGROUP_WORDS } else { 1 };
                let rows = self.rows_per_group();
                let constants = format!("const ROWS: u32 = {rows}u;\n{}", self.sum_constants(local, words, 1));
                [&constants, &pass, nearest, include_str!("../../../shaders/lloyd_general.wgsl")].join("\n")
            }
            Kernel::Assign => [panel, nearest, include_str!("../../../shaders/assign.wgsl")].join("\n"),
            Kernel::Farthest { .. } => {
                [panel, nearest, weight_of, include_str!("../../../shaders/farthest.wgsl")].join("\n")
            }
            Kernel::Silhouette => include_str!("../../../shaders/silhouette.wgsl").to_owned(),
        }
    }

    fn sum_constants(self, local: bool, words: u32, copies: usize) -> String {
        let weighted = self.weights() == Weights::Given;
        format!(
            "const LOCAL: bool = {local};\nconst WEIGHTED: bool = {weighted};\nconst WORDS: u32 = {words}u;\n\
             const COPIES: u32 = {copies}u;\n"
        )
    }
}

fn words_per_sum(weights: Weights) -> usize {
    match weights {
        Weights::None => 1,
        Weights::Given => 2,
    }
}
