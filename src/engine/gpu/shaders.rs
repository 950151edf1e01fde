//! The kernels as the device gets them: which WGSL files make up each, what stands in front of them, what they bind.
//! Tests compare these tables with what a validator finds in the text, without any device.

use super::limits::WORKGROUP_WORDS;

/// Rows per workgroup where sums stand in workgroup memory as i32: no more, or they could overflow.
const ROWS_LOCAL: usize = crate::grid::BLOCK_ROWS;
/// Rows per workgroup where sums go straight to memory; fewer, because such models are heavy.
const ROWS_GLOBAL: usize = 256;

/// (d, k) with a kernel of their own: the sweep over k for three and ten features, and what lies around.
pub const SMALL_SHAPES: [(usize, usize); 38] = [
    (2, 3),
    (2, 4),
    (2, 5),
    (3, 2),
    (3, 3),
    (3, 4),
    (3, 5),
    (3, 6),
    (3, 7),
    (3, 8),
    (3, 9),
    (3, 10),
    (4, 3),
    (4, 4),
    (4, 5),
    (4, 6),
    (5, 3),
    (5, 4),
    (5, 5),
    (5, 6),
    (8, 3),
    (8, 4),
    (8, 5),
    (8, 6),
    (9, 3),
    (9, 4),
    (9, 5),
    (9, 6),
    (10, 2),
    (10, 3),
    (10, 4),
    (10, 5),
    (10, 6),
    (10, 7),
    (10, 8),
    (10, 9),
    (10, 10),
    (16, 8),
];

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
    Lloyd { d: usize, k: usize },
    LloydGeneral { sums: Sums, weights: Weights },
    Assign,
    Farthest { weights: Weights },
    Audit,
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
/// Totals; the audited rows of audit.
pub const TOTALS: u32 = 4;
/// Near ties; the audited labels of audit.
pub const TIES: u32 = 5;
pub const WEIGHTS: u32 = 6;

/// How centroids lie in memory for a kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CentroidLayout {
    /// Cluster after cluster.
    Plain,
    /// Groups of eight clusters, feature after feature.
    Eights,
}

impl Kernel {
    /// The kernel of a pass over the data for a model of this shape.
    pub fn lloyd(n_features: usize, n_clusters: usize, weights: Weights) -> Self {
        if weights == Weights::None && SMALL_SHAPES.contains(&(n_features, n_clusters)) {
            return Kernel::Lloyd { d: n_features, k: n_clusters };
        }
        let words = n_clusters * weights.width(n_features) * words_per_slot(weights);
        let sums = if words <= WORKGROUP_WORDS as usize { Sums::Local } else { Sums::Global };
        Kernel::LloydGeneral { sums, weights }
    }

    /// All kernels there are.
    pub fn all() -> Vec<Kernel> {
        let mut all: Vec<Kernel> = SMALL_SHAPES.iter().map(|&(d, k)| Kernel::Lloyd { d, k }).collect();
        for weights in [Weights::None, Weights::Given] {
            all.extend([Sums::Local, Sums::Global].map(|sums| Kernel::LloydGeneral { sums, weights }));
            all.push(Kernel::Farthest { weights });
        }
        all.extend([Kernel::Assign, Kernel::Audit, Kernel::Silhouette]);
        all
    }

    /// The file's stem.
    pub fn stem(self) -> &'static str {
        match self {
            Kernel::Lloyd { .. } => "lloyd",
            Kernel::LloydGeneral { .. } => "lloyd_general",
            Kernel::Assign => "assign",
            Kernel::Farthest { .. } => "farthest",
            Kernel::Audit => "audit",
            Kernel::Silhouette => "silhouette",
        }
    }

    pub fn rows_per_group(self) -> usize {
        match self {
            Kernel::Lloyd { .. } | Kernel::LloydGeneral { sums: Sums::Local, .. } => ROWS_LOCAL,
            Kernel::LloydGeneral { sums: Sums::Global, .. } => ROWS_GLOBAL,
            Kernel::Assign => 128,
            Kernel::Farthest { .. } | Kernel::Audit | Kernel::Silhouette => 64,
        }
    }

    pub fn centroid_layout(self) -> CentroidLayout {
        match self {
            Kernel::Lloyd { .. } => CentroidLayout::Plain,
            _ => CentroidLayout::Eights,
        }
    }

    pub fn bindings(self) -> Vec<(u32, Access)> {
        use Access::{Read, ReadWrite, Uniform};
        let data = [(PARAMS, Uniform), (PANELS, Read), (CENTROIDS, Read), (LABELS, ReadWrite)];
        let weighted = |weights| (weights == Weights::Given).then_some((WEIGHTS, Read));
        match self {
            Kernel::Lloyd { .. } => data.into_iter().chain([(TOTALS, ReadWrite), (TIES, ReadWrite)]).collect(),
            Kernel::LloydGeneral { weights, .. } => {
                data.into_iter().chain([(TOTALS, ReadWrite), (TIES, ReadWrite)]).chain(weighted(weights)).collect()
            }
            Kernel::Assign | Kernel::Silhouette => data.to_vec(),
            Kernel::Farthest { weights } => data.into_iter().chain(weighted(weights)).collect(),
            Kernel::Audit => vec![(PARAMS, Uniform), (LABELS, Read), (TOTALS, Read), (TIES, ReadWrite)],
        }
    }

    /// The whole text: constants in front, then the files.
    pub fn source(self) -> String {
        let panel = include_str!("../../../shaders/panel.wgsl");
        let nearest = include_str!("../../../shaders/nearest.wgsl");
        let totals = include_str!("../../../shaders/totals.wgsl");
        match self {
            Kernel::Lloyd { d, k } => {
                let constants = format!("const D: u32 = {d}u;\nconst K: u32 = {k}u;\n");
                [&constants, panel, totals, include_str!("../../../shaders/lloyd.wgsl")].join("\n")
            }
            Kernel::LloydGeneral { sums, weights } => {
                let local = sums == Sums::Local;
                let constants = format!(
                    "const LOCAL: bool = {local};\nconst WEIGHTED: bool = {};\nconst WORDS: u32 = {}u;\nconst ROWS: u32 = {}u;\n",
                    weights == Weights::Given,
                    if local { WORKGROUP_WORDS } else { 1 },
                    self.rows_per_group(),
                );
                let general = include_str!("../../../shaders/lloyd_general.wgsl");
                [&constants, panel, nearest, totals, weight_of(weights), general].join("\n")
            }
            Kernel::Assign => [panel, nearest, include_str!("../../../shaders/assign.wgsl")].join("\n"),
            Kernel::Farthest { weights } => {
                [panel, nearest, weight_of(weights), include_str!("../../../shaders/farthest.wgsl")].join("\n")
            }
            Kernel::Audit => [panel, include_str!("../../../shaders/audit.wgsl")].join("\n"),
            Kernel::Silhouette => include_str!("../../../shaders/silhouette.wgsl").to_owned(),
        }
    }
}

fn words_per_slot(weights: Weights) -> usize {
    match weights {
        Weights::None => 1,
        Weights::Given => 2,
    }
}

fn weight_of(weights: Weights) -> &'static str {
    match weights {
        Weights::None => "fn weight_of(row: u32) -> u32 { return 1u; }\n",
        Weights::Given => include_str!("../../../shaders/weights.wgsl"),
    }
}
