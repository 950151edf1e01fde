//! Which adapters this machine has. Looking must never end the run, whatever drivers are installed.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use super::cache::Cache;
use crate::engine::{Device, DeviceKind};

/// An adapter that was found.
#[derive(Clone)]
pub struct AdapterInfo {
    pub device: Device,
    adapter: wgpu::Adapter,
}

/// What an adapter's driver allows. The engine keeps within WebGPU's defaults whatever it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offer {
    /// Bytes of the largest storage binding.
    pub binding_bytes: u64,
    pub buffer_bytes: u64,
    /// Whether the device can take the time of its own work.
    pub has_clock: bool,
}

impl AdapterInfo {
    pub fn offer(&self) -> Offer {
        let limits = self.adapter.limits();
        let has_clock = self.adapter.features().contains(wgpu::Features::TIMESTAMP_QUERY);
        let (binding_bytes, buffer_bytes) = (limits.max_storage_buffer_binding_size, limits.max_buffer_size);
        Offer { binding_bytes, buffer_bytes, has_clock }
    }

    pub(super) fn adapter(&self) -> &wgpu::Adapter {
        &self.adapter
    }

    /// Where this device's compiled kernels are kept in a folder; None where its backend gives none away.
    pub(super) fn cache(&self, folder: &Path) -> Option<Cache> {
        if !self.adapter.features().contains(wgpu::Features::PIPELINE_CACHE) {
            return None;
        }
        let key = wgpu::util::pipeline_cache_key(&self.adapter.get_info())?;
        Some(Cache::of(folder, &key, &self.device, "kernels"))
    }

    /// Where the variants that were found to be the fastest are kept in a folder: on any backend.
    pub(super) fn choices(&self, folder: &Path) -> Cache {
        let info = self.adapter.get_info();
        let ids = || format!("{}_{}_{}", self.device.backend.to_lowercase(), info.vendor, info.device);
        let key = wgpu::util::pipeline_cache_key(&info).unwrap_or_else(ids);
        Cache::of(folder, &key, &self.device, "variants")
    }

    /// What `--device` is compared with: "name (backend)".
    pub fn title(&self) -> String {
        title(&self.device)
    }
}

/// "name (backend)".
pub fn title(device: &Device) -> String {
    format!("{} ({})", device.name, device.backend)
}

/// Keeps Mesa's Vulkan layer from complaining on stderr that a server has no folder for desktop sessions. To be called
/// first thing in `main`: later, when there are other threads, it does nothing.
#[allow(unsafe_code)]
pub fn quiet_drivers() {
    const FOLDER: &str = "XDG_RUNTIME_DIR";
    let threads = std::fs::read_dir("/proc/self/task").map_or(usize::MAX, Iterator::count);
    if cfg!(target_os = "linux") && threads == 1 && std::env::var_os(FOLDER).is_none() {
        // SAFETY: the environment may be changed while no other thread can read it, and this process has one thread.
        unsafe { std::env::set_var(FOLDER, "/nonexistent") };
    }
}

/// All adapters, real GPUs first: discrete, integrated, virtual, software; the driver's order among equals, Vulkan,
/// Metal and DirectX before OpenGL.
pub fn adapters() -> Vec<AdapterInfo> {
    let mut found: Vec<AdapterInfo> = [wgpu::Backends::PRIMARY, wgpu::Backends::GL].into_iter().flat_map(of).collect();
    found.sort_by_key(|adapter| rank(adapter.device.kind));
    found
}

/// Each family of backends is asked by itself, so that one broken driver does not hide the others.
fn of(backends: wgpu::Backends) -> Vec<AdapterInfo> {
    let list = || {
        let instance = wgpu::Instance::new(wgpu::InstanceDescriptor {
            backends,
            flags: wgpu::InstanceFlags::empty(),
            ..wgpu::InstanceDescriptor::new_without_display_handle()
        });
        pollster::block_on(instance.enumerate_adapters(backends))
    };
    let adapters = catch_unwind(AssertUnwindSafe(list)).unwrap_or_default();
    adapters.into_iter().map(|adapter| AdapterInfo { device: describe(&adapter.get_info()), adapter }).collect()
}

fn describe(info: &wgpu::AdapterInfo) -> Device {
    // OpenGL does not say what it draws with; Mesa's software rasterisers say it in their names.
    let software = ["llvmpipe", "softpipe", "swiftshader", "microsoft basic render"];
    let name = info.name.to_lowercase();
    let kind = match info.device_type {
        _ if software.iter().any(|part| name.contains(part)) => DeviceKind::SoftwareGpu,
        wgpu::DeviceType::Cpu => DeviceKind::SoftwareGpu,
        wgpu::DeviceType::DiscreteGpu => DeviceKind::DiscreteGpu,
        wgpu::DeviceType::IntegratedGpu => DeviceKind::IntegratedGpu,
        wgpu::DeviceType::VirtualGpu => DeviceKind::VirtualGpu,
        wgpu::DeviceType::Other => DeviceKind::IntegratedGpu,
    };
    let driver = [info.driver.trim(), info.driver_info.trim()].join(" ").trim().to_owned();
    Device { name: info.name.clone(), kind, driver, backend: backend(info.backend).to_owned() }
}

/// An adapter as wgpu described it on another machine, in its own words: name, device type, driver, what the driver says of
/// itself, backend.
#[cfg(test)]
pub fn recorded([name, device_type, driver, driver_info, backend]: [&str; 5]) -> Device {
    use wgpu::{Backend, DeviceType};
    let types = [
        DeviceType::DiscreteGpu,
        DeviceType::IntegratedGpu,
        DeviceType::VirtualGpu,
        DeviceType::Cpu,
        DeviceType::Other,
    ];
    let backends = [Backend::Vulkan, Backend::Metal, Backend::Dx12, Backend::Gl];
    let device_type = types.into_iter().find(|one| format!("{one:?}") == device_type).expect("a type");
    let backend = backends.into_iter().find(|one| format!("{one:?}") == backend).expect("a backend");
    let mut info = wgpu::AdapterInfo::new(device_type, backend);
    (info.name, info.driver, info.driver_info) = (name.into(), driver.into(), driver_info.into());
    describe(&info)
}

fn backend(backend: wgpu::Backend) -> &'static str {
    match backend {
        wgpu::Backend::Vulkan => "Vulkan",
        wgpu::Backend::Metal => "Metal",
        wgpu::Backend::Dx12 => "Dx12",
        wgpu::Backend::Gl => "Gl",
        _ => "other",
    }
}

fn rank(kind: DeviceKind) -> u8 {
    match kind {
        DeviceKind::DiscreteGpu => 0,
        DeviceKind::IntegratedGpu => 1,
        DeviceKind::VirtualGpu => 2,
        DeviceKind::SoftwareGpu | DeviceKind::Cpu => 3,
    }
}
