//! The driver's own cache of compiled kernels, begun with what an earlier run left on the disk and left there for the
//! next one. What comes of it is said to those who ask for more; nothing that goes wrong here is an error.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::cache::Cache;
use crate::observe::Observe;

/// A device's cache, between the disk and the driver.
pub(super) struct Kept {
    place: Cache,
    cache: Option<wgpu::PipelineCache>,
    /// What was found on the disk.
    loaded: Option<Vec<u8>>,
    observe: Observe,
    /// Said before anybody listened.
    said: Vec<String>,
}

impl Kept {
    #[allow(unsafe_code)]
    pub fn open(place: Cache, device: &wgpu::Device) -> Self {
        let mut kept = Self { place, cache: None, loaded: None, observe: Observe::default(), said: Vec::new() };
        let shown = kept.place.path().display().to_string();
        match kept.place.read() {
            Ok(None) => {}
            Ok(Some(data)) => {
                kept.say(format!("kernels: {} bytes of compiled code in {shown}", data.len()));
                kept.loaded = Some(data);
            }
            Err(why) => kept.say(format!("kernels: {shown} is not used: {why}")),
        }
        let validation = device.push_error_scope(wgpu::ErrorFilter::Validation);
        let internal = device.push_error_scope(wgpu::ErrorFilter::Internal);
        let descriptor = wgpu::PipelineCacheDescriptor {
            label: Some("segmint"),
            data: kept.loaded.as_deref(),
            // What the driver does not take for its own begins empty.
            fallback: true,
        };
        let made = catch_unwind(AssertUnwindSafe(|| {
            // SAFETY: the data, where there is any, is what `PipelineCache::get_data` gave for this very adapter, driver
            // and version, which its owner's hash says, and not a bit of it has changed since, which its checksum says.
            unsafe { device.create_pipeline_cache(&descriptor) }
        }));
        let failed = pollster::block_on(internal.pop());
        let refused = pollster::block_on(validation.pop());
        match (made, refused.or(failed)) {
            (Ok(cache), None) => kept.cache = Some(cache),
            (_, Some(error)) => kept.say(format!("kernels are not kept: {error}")),
            (Err(_), None) => kept.say("kernels are not kept: the driver's library panicked".to_owned()),
        }
        kept
    }

    pub fn cache(&self) -> Option<wgpu::PipelineCache> {
        self.cache.clone()
    }

    /// Says from now on what happens, and what was to be said so far.
    pub fn tell(&mut self, observe: &Observe) {
        self.observe = observe.clone();
        self.said.drain(..).for_each(|text| observe.detail(text));
    }

    fn say(&mut self, text: String) {
        self.said.push(text);
    }

    /// Leaves what the driver has now for the next run, where it is more than was found.
    pub fn save(&mut self) {
        let Some(cache) = self.cache.take() else { return };
        let data = catch_unwind(AssertUnwindSafe(|| cache.get_data())).ok().flatten();
        let Some(data) = data.filter(|data| self.loaded.as_ref() != Some(data)) else { return };
        let shown = self.place.path().display();
        match self.place.write(&data) {
            Ok(()) => self.observe.detail(format!("kernels: {} bytes of compiled code kept in {shown}", data.len())),
            Err(why) => self.observe.detail(format!("kernels: {shown} was not written: {why}")),
        }
    }
}
