//! A device as it is opened: what is asked of it, and what it says from then on outside of any request, whichever thread it
//! happens to.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use super::adapters::{AdapterInfo, title};
use super::limits::{BINDING_BYTES, BUFFER_BYTES, GROUPS_PER_DIMENSION, STORAGE_BINDINGS, WORKGROUP_WORDS};
use crate::error::{Error, Kind, Result};

/// What the driver said outside of any request: the first message counts.
#[derive(Default)]
pub(super) struct Trouble(Mutex<Option<String>>);

impl Trouble {
    fn note(&self, message: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(message);
    }

    pub(super) fn seen(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A device that has just been opened, and what it says from then on.
pub(super) struct Opened {
    pub device: wgpu::Device,
    pub queue: wgpu::Queue,
    pub trouble: Arc<Trouble>,
}

impl Opened {
    pub fn request(adapter: &AdapterInfo, required_features: wgpu::Features) -> Result<Self> {
        let name = title(&adapter.device);
        let request = wgpu::DeviceDescriptor {
            label: Some("segmint"),
            required_features,
            required_limits: required_limits(),
            ..Default::default()
        };
        let opened = catch_unwind(AssertUnwindSafe(|| pollster::block_on(adapter.adapter().request_device(&request))));
        let refused = |why: String| {
            Error::new(Kind::NoDevice, format!("the GPU {name} does not open: {why}"))
                .hint("try another adapter (`segmint devices` lists them), or `--device cpu`")
        };
        let (device, queue) = match opened {
            Ok(Ok(opened)) => opened,
            Ok(Err(error)) => return Err(refused(error.to_string())),
            Err(_) => return Err(refused("its driver's library panicked".to_owned())),
        };
        let trouble = Arc::new(Trouble::default());
        let noted = trouble.clone();
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| noted.note(error.to_string())));
        let noted = trouble.clone();
        device.set_device_lost_callback(move |reason, message| noted.note(format!("lost ({reason:?}): {message}")));
        Ok(Self { device, queue, trouble })
    }

    pub fn is_well(&self) -> bool {
        // A device that is gone says so when it is looked at.
        let polled = catch_unwind(AssertUnwindSafe(|| self.device.poll(wgpu::PollType::Poll)));
        polled.is_ok() && self.trouble.seen().is_none()
    }
}

/// What kernels need, and nothing of what only drawing does: small devices have that, too. None of it is above WebGPU's
/// defaults.
fn required_limits() -> wgpu::Limits {
    wgpu::Limits {
        max_storage_buffers_per_shader_stage: STORAGE_BINDINGS,
        max_storage_buffer_binding_size: BINDING_BYTES,
        max_buffer_size: BUFFER_BYTES,
        max_compute_workgroup_storage_size: 4 * WORKGROUP_WORDS,
        max_compute_invocations_per_workgroup: 256,
        max_compute_workgroups_per_dimension: GROUPS_PER_DIMENSION,
        ..wgpu::Limits::downlevel_defaults()
    }
}
