//! Compiles kernels with Mesa's RADV for a chip that is not there: the driver offers a null device of the family that
//! `RADV_FORCE_FAMILY` names, and says what its compiler made. wgpu cannot open that device, since it submits work at
//! once; the text goes the way that wgpu's own takes, with the same options as without runtime checks.

#![allow(unsafe_code, reason = "Vulkan is called directly")]

use std::collections::BTreeMap;
use std::ffi::CStr;

use ash::vk;
use segmint::engine::gpu::shaders::{Access, Kernel};
use wgpu::naga::back::spv;
use wgpu::naga::front::wgsl;
use wgpu::naga::proc::{BoundsCheckPolicies, BoundsCheckPolicy};
use wgpu::naga::valid::{Capabilities, ValidationFlags, Validator};

use crate::kernels::{CLUSTERS, MODELS, inner_minimum, is_many_models, name, rows_at_once};
use crate::listing::deepest_nest;
use crate::table::{Line, Table};

/// The listing that is counted.
const LISTING: &str = "ACO IR";

/// An open null device. It lives until the process ends, which is soon.
struct Radv {
    device: ash::Device,
    executables: ash::khr::pipeline_executable_properties::Device,
    driver: String,
}

pub fn compile(chip: &str, kernels: &[Kernel]) -> Result<Table, String> {
    let radv = Radv::open(chip)?;
    let line = |&kernel: &Kernel| radv.line(chip, kernel).map_err(|why| format!("{}: {why}", name(kernel)));
    Ok(Table { driver: radv.driver.clone(), lines: kernels.iter().map(line).collect::<Result<_, _>>()? })
}

/// As wgpu translates a kernel whose runtime checks are off and which clears its workgroup memory itself.
fn spirv(kernel: Kernel) -> Result<Vec<u32>, String> {
    let source = kernel.source();
    let module = wgsl::parse_str(&source).map_err(|error| error.emit_to_string(&source))?;
    let info = Validator::new(ValidationFlags::all(), Capabilities::empty())
        .validate(&module)
        .map_err(|error| error.emit_to_string(&source))?;
    let unchecked = BoundsCheckPolicy::Unchecked;
    let options = spv::Options {
        lang_version: (1, 6),
        bounds_check_policies: BoundsCheckPolicies {
            index: unchecked,
            buffer: unchecked,
            image_load: unchecked,
            binding_array: unchecked,
        },
        zero_initialize_workgroup_memory: spv::ZeroInitializeWorkgroupMemoryMode::None,
        force_loop_bounding: false,
        emit_int_div_checks: false,
        ..spv::Options::default()
    };
    spv::write_vec(&module, &info, &options, None).map_err(|error| error.to_string())
}

impl Radv {
    fn open(chip: &str) -> Result<Self, String> {
        let failed = |what: &str, error: vk::Result| format!("{what}: {error}");
        // SAFETY: the calls follow Vulkan's order (instance, physical device, device), the structures that they point to
        // live until they return, and every extension and feature asked for is one that RADV has for all of its chips.
        unsafe {
            let entry = ash::Entry::load().map_err(|error| format!("no Vulkan loader: {error}"))?;
            let application = vk::ApplicationInfo::default().api_version(vk::API_VERSION_1_3);
            let instance = entry
                .create_instance(&vk::InstanceCreateInfo::default().application_info(&application), None)
                .map_err(|error| failed("no Vulkan", error))?;
            let devices = instance.enumerate_physical_devices().map_err(|error| failed("no devices", error))?;
            let physical = *devices.first().ok_or_else(|| format!("this driver knows no {chip}"))?;
            let mut about = vk::PhysicalDeviceDriverProperties::default();
            let mut properties = vk::PhysicalDeviceProperties2::default().push_next(&mut about);
            instance.get_physical_device_properties2(physical, &mut properties);
            let device_name = words(&properties.properties.device_name);
            let driver = format!("{} {}", words(&about.driver_name), words(&about.driver_info));
            if !device_name.to_lowercase().contains(chip) {
                return Err(format!("asked for {chip}, found {device_name}"));
            }
            let priorities = [1.0];
            let queues = [vk::DeviceQueueCreateInfo::default().queue_family_index(0).queue_priorities(&priorities)];
            let extensions = [ash::khr::pipeline_executable_properties::NAME.as_ptr()];
            let mut executables =
                vk::PhysicalDevicePipelineExecutablePropertiesFeaturesKHR::default().pipeline_executable_info(true);
            let mut memory = vk::PhysicalDeviceVulkanMemoryModelFeatures::default().vulkan_memory_model(true);
            let create = vk::DeviceCreateInfo::default()
                .queue_create_infos(&queues)
                .enabled_extension_names(&extensions)
                .push_next(&mut executables)
                .push_next(&mut memory);
            let device = instance.create_device(physical, &create, None).map_err(|error| failed("no device", error))?;
            let executables = ash::khr::pipeline_executable_properties::Device::new(&instance, &device);
            // The library must stay loaded as long as its functions are called.
            std::mem::forget(entry);
            Ok(Self { device, executables, driver })
        }
    }

    fn line(&self, chip: &str, kernel: Kernel) -> Result<Line, String> {
        let pipeline = self.pipeline(kernel).map_err(|error| error.to_string())?;
        let statistics = self.statistics(pipeline).map_err(|error| error.to_string())?;
        let get = |name: &str| {
            let value = statistics.get(name).ok_or_else(|| format!("the driver does not say {name:?}"))?;
            u32::try_from(*value).map_err(|_| format!("{name}: {value}"))
        };
        let nest = deepest_nest(&self.listing(pipeline)?)?;
        let inner = *nest.last().ok_or("no loop")?;
        let (per_row, per_row_minimum) = match (is_many_models(kernel), &nest[..]) {
            (false, _) => (0, 0),
            (true, [row, model, cluster]) => {
                let turn = row.all + MODELS * model.all + CLUSTERS * cluster.all;
                let rows = rows_at_once(kernel);
                (turn.div_ceil(rows), CLUSTERS * inner_minimum(kernel) / rows)
            }
            (true, nest) => return Err(format!("rows, models and clusters are loops one in another: {nest:?}")),
        };
        Ok(Line {
            chip: chip.to_owned(),
            kernel: name(kernel),
            vgprs: get("VGPRs")?,
            sgprs: get("SGPRs")?,
            spilled: get("Spilled VGPRs")? + get("Spilled SGPRs")?,
            scratch_bytes: get("Scratch size")?,
            workgroup_bytes: get("LDS size")?,
            waves: get("Subgroups per SIMD")?,
            instructions: get("Instructions")?,
            inner: inner.all,
            inner_vector: inner.vector,
            inner_minimum: inner_minimum(kernel),
            per_row,
            per_row_minimum,
        })
    }

    fn pipeline(&self, kernel: Kernel) -> Result<vk::Pipeline, String> {
        let code = spirv(kernel)?;
        let binding = |(slot, access): (u32, Access)| {
            let kind = match access {
                Access::Uniform => vk::DescriptorType::UNIFORM_BUFFER,
                Access::Read | Access::ReadWrite => vk::DescriptorType::STORAGE_BUFFER,
            };
            vk::DescriptorSetLayoutBinding::default()
                .binding(slot)
                .descriptor_type(kind)
                .descriptor_count(1)
                .stage_flags(vk::ShaderStageFlags::COMPUTE)
        };
        let bindings: Vec<_> = kernel.bindings().into_iter().map(binding).collect();
        let flags = vk::PipelineCreateFlags::CAPTURE_STATISTICS_KHR
            | vk::PipelineCreateFlags::CAPTURE_INTERNAL_REPRESENTATIONS_KHR;
        // SAFETY: the code is valid SPIR-V, its bindings are those of the layout, and what is made here is used by this
        // device only and never freed.
        let made = unsafe {
            let module = self.device.create_shader_module(&vk::ShaderModuleCreateInfo::default().code(&code), None);
            let set = vk::DescriptorSetLayoutCreateInfo::default().bindings(&bindings);
            let sets = [self.device.create_descriptor_set_layout(&set, None).map_err(|error| error.to_string())?];
            let layout = vk::PipelineLayoutCreateInfo::default().set_layouts(&sets);
            let layout = self.device.create_pipeline_layout(&layout, None).map_err(|error| error.to_string())?;
            let stage = vk::PipelineShaderStageCreateInfo::default()
                .stage(vk::ShaderStageFlags::COMPUTE)
                .module(module.map_err(|error| error.to_string())?)
                .name(c"main");
            let create = vk::ComputePipelineCreateInfo::default().stage(stage).layout(layout).flags(flags);
            self.device.create_compute_pipelines(vk::PipelineCache::null(), &[create], None)
        };
        made.map_err(|(_, error)| error.to_string())?.pop().ok_or_else(|| "no pipeline".to_owned())
    }

    fn statistics(&self, pipeline: vk::Pipeline) -> Result<BTreeMap<String, u64>, vk::Result> {
        let info = vk::PipelineExecutableInfoKHR::default().pipeline(pipeline);
        // SAFETY: the pipeline was made with statistics; a compute pipeline is one executable.
        let all = unsafe { self.executables.get_pipeline_executable_statistics(&info)? };
        // SAFETY: RADV's statistics are 64-bit numbers.
        Ok(all.iter().map(|one| (words(&one.name), unsafe { one.value.u64 })).collect())
    }

    fn listing(&self, pipeline: vk::Pipeline) -> Result<String, String> {
        let info = vk::PipelineExecutableInfoKHR::default().pipeline(pipeline);
        let call = self.executables.fp().get_pipeline_executable_internal_representations_khr;
        let mut count = 0;
        // SAFETY: as Vulkan has it, called once for the number, once for the sizes, once for the texts, each time with
        // room for as many structures as it said, and buffers of the sizes that it said.
        unsafe {
            let handle = self.device.handle();
            call(handle, &info, &mut count, std::ptr::null_mut()).result().map_err(|error| error.to_string())?;
            let mut found = vec![vk::PipelineExecutableInternalRepresentationKHR::default(); count as usize];
            call(handle, &info, &mut count, found.as_mut_ptr()).result().map_err(|error| error.to_string())?;
            let mut texts: Vec<Vec<u8>> = found.iter().map(|one| vec![0; one.data_size]).collect();
            for (one, text) in found.iter_mut().zip(&mut texts) {
                one.p_data = text.as_mut_ptr().cast();
            }
            call(handle, &info, &mut count, found.as_mut_ptr()).result().map_err(|error| error.to_string())?;
            let text = found.iter().zip(texts).find(|(one, _)| words(&one.name) == LISTING).map(|(_, text)| text);
            let text = text.ok_or_else(|| format!("the driver gives no {LISTING}"))?;
            Ok(String::from_utf8_lossy(&text).trim_end_matches('\0').to_owned())
        }
    }
}

/// A text of fixed size, up to its zero.
fn words(text: &[std::ffi::c_char]) -> String {
    let bytes: Vec<u8> = text.iter().map(|&c| c as u8).chain([0]).collect();
    CStr::from_bytes_until_nul(&bytes).map_or_else(|_| String::new(), |text| text.to_string_lossy().into_owned())
}
