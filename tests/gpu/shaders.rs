//! Shaders without a GPU: a validator parses every kernel with no capability beyond WebGPU's baseline, and what it finds
//! is compared with the host's tables.

use std::collections::BTreeMap;

use segmint::engine::gpu::limits::{STORAGE_BINDINGS, WORKGROUP_WORDS};
use segmint::engine::gpu::shaders::{Access, Kernel, ROW_FEATURES_MAX, Room, Sums, Weights};
use segmint::engine::gpu::{Constants, PAIRED_FEATURES_MAX, Variant};
use segmint::grid::BLOCK_ROWS;
use wgpu::naga::proc::{GlobalCtx, Layouter};
use wgpu::naga::valid::{Capabilities, ModuleInfo, ValidationFlags, Validator};
use wgpu::naga::{AddressSpace, Module, StorageAccess, front::wgsl};

/// WebGPU's default limit of a workgroup.
const INVOCATIONS_MAX: u32 = 256;

fn validated(kernel: Kernel) -> (Module, ModuleInfo) {
    let source = kernel.source();
    let module = wgsl::parse_str(&source).unwrap_or_else(|e| panic!("{kernel:?}: {}", e.emit_to_string(&source)));
    let info = Validator::new(ValidationFlags::all(), Capabilities::empty())
        .validate(&module)
        .unwrap_or_else(|e| panic!("{kernel:?}: {}", e.emit_to_string(&source)));
    (module, info)
}

#[test]
fn every_kernel_is_valid_with_baseline_capabilities_and_binds_what_the_host_says() {
    let all = Kernel::all();
    // Two rooms, with and without weights: variants for any row, and one for short rows.
    let varied = 4 * (4 * ROW_FEATURES_MAX + PAIRED_FEATURES_MAX);
    assert_eq!(all.len(), varied + 8);
    assert_eq!(all.iter().collect::<std::collections::BTreeSet<_>>().len(), all.len());
    for kernel in all {
        let (module, info) = validated(kernel);
        assert_eq!(module.entry_points.len(), 1, "{kernel:?}");
        let used = info.get_entry_point(0);
        let mut found = BTreeMap::new();
        for (handle, variable) in module.global_variables.iter() {
            let Some(binding) = variable.binding else { continue };
            if used[handle].is_empty() {
                continue;
            }
            assert_eq!(binding.group, 0);
            let access = match variable.space {
                AddressSpace::Uniform => Access::Uniform,
                AddressSpace::Storage { access } if access.contains(StorageAccess::STORE) => Access::ReadWrite,
                AddressSpace::Storage { .. } => Access::Read,
                other => panic!("{kernel:?} binds {other:?}"),
            };
            found.insert(binding.binding, access);
        }
        let told: BTreeMap<u32, Access> = kernel.bindings().into_iter().collect();
        assert_eq!(found, told, "{kernel:?}");
        let storage = told.values().filter(|access| **access != Access::Uniform).count();
        assert!(storage <= STORAGE_BINDINGS as usize, "{kernel:?} binds {storage} storage buffers");
    }
}

#[test]
fn workgroups_keep_within_the_default_limits() {
    for kernel in Kernel::all() {
        let (module, _) = validated(kernel);
        let size = module.entry_points[0].workgroup_size;
        assert!(size.iter().product::<u32>() <= INVOCATIONS_MAX, "{kernel:?}: {size:?}");
        assert_eq!(kernel.rows_per_group() % size[0] as usize, 0, "{kernel:?}: rows are dealt out evenly");
        if let Kernel::Lloyd { variant, .. } = kernel {
            let Constants { threads, rows_per_group, together, .. } = variant.constants();
            assert_eq!((size[0] as usize, kernel.rows_per_group()), (threads, rows_per_group), "{kernel:?}");
            assert_eq!(rows_per_group % (threads * together), 0, "{kernel:?}: rows are dealt out evenly");
            assert!(rows_per_group <= BLOCK_ROWS, "{kernel:?}: sums of one word");
        }
        let mut layouter = Layouter::default();
        layouter
            .update(GlobalCtx {
                types: &module.types,
                constants: &module.constants,
                overrides: &module.overrides,
                global_expressions: &module.global_expressions,
            })
            .unwrap();
        let shared: u32 = module
            .global_variables
            .iter()
            .filter(|(_, variable)| variable.space == AddressSpace::WorkGroup)
            .map(|(_, variable)| layouter[variable.ty].size)
            .sum();
        assert!(shared <= 4 * WORKGROUP_WORDS, "{kernel:?}: {shared} bytes of workgroup memory");
    }
}

#[test]
fn parameters_and_models_have_the_size_that_the_host_writes() {
    let (module, _) = validated(Kernel::lloyd(10, 55, Weights::None, Variant::Usual));
    let (_, params) = module.global_variables.iter().find(|(_, v)| v.space == AddressSpace::Uniform).unwrap();
    let (model, _) = module.types.iter().find(|(_, ty)| ty.name.as_deref() == Some("Model")).unwrap();
    let mut layouter = Layouter::default();
    layouter
        .update(GlobalCtx {
            types: &module.types,
            constants: &module.constants,
            overrides: &module.overrides,
            global_expressions: &module.global_expressions,
        })
        .unwrap();
    assert_eq!((layouter[params.ty].size, layouter[model].size), (64, 8));
}

#[test]
fn each_shape_gets_a_kernel_whose_sums_fit() {
    for d in [1, 2, 3, 10, 16, ROW_FEATURES_MAX, ROW_FEATURES_MAX + 1, 511, 512] {
        for k in [1, 2, 5, 8, 64, 256, 1000, 4096] {
            for weights in [Weights::None, Weights::Given] {
                let given = weights == Weights::Given;
                let words = if given { 2 * k * (d + 2) } else { k * (d + 1) };
                let fits = words <= WORKGROUP_WORDS as usize;
                assert_eq!(Kernel::sum_words(d, k, weights), words);
                assert_eq!(Kernel::shares(d, k, weights), fits && d <= ROW_FEATURES_MAX, "d = {d}, k = {k}");
                if fits {
                    for asked in Variant::ALL {
                        let kernel = Kernel::lloyd(d, words, weights, asked);
                        let Kernel::Lloyd { room, variant, .. } = kernel else { panic!("d = {d}") };
                        let Constants { copies, together, .. } = variant.constants();
                        // The most that the sums and all of their copies are indexed with.
                        assert!(words * copies <= room.words() as usize, "{kernel:?}");
                        assert_eq!(room == Room::Full, words * copies > Room::Few.words() as usize);
                        assert!(together == 1 || d <= PAIRED_FEATURES_MAX);
                        let fits = asked.fits(d, words);
                        assert_eq!(variant, if fits { asked } else { Variant::Usual }, "d = {d}, {words} words");
                    }
                }
                let sums = if fits { Sums::Local } else { Sums::Global };
                assert_eq!(Kernel::lloyd_general(d, k, weights), Kernel::LloydGeneral { sums, weights });
            }
        }
    }
}

#[test]
fn nothing_asks_for_extensions() {
    for kernel in Kernel::all() {
        let source = kernel.source();
        for word in ["enable", "subgroup", "i64", "u64", "f16", "f64", "atomic<f32>"] {
            assert!(
                !source.split(|c: char| !c.is_alphanumeric() && !"<>".contains(c)).any(|w| w == word),
                "{kernel:?}: {word}"
            );
        }
    }
}
