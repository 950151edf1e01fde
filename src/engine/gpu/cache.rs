//! What a run leaves on the disk for the next one on the same device, compiled kernels above all: one file of a sort for an
//! adapter, its driver and a version of segmint. Compiled kernels are the driver's own; around them stands a checksum of
//! ours, so that no driver is ever handed what it did not write. Nothing here can end a run: a file that cannot be read
//! or written is a kernel compiled again.

use std::io::Write;
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::xxh3_128;

use crate::engine::Device;

/// First bytes of a file, with the number of its form.
const MAGIC: &[u8; 8] = b"segmint1";

/// In front of what the driver wrote: the magic, a hash of what it belongs to, a hash of it.
const HEADER_BYTES: usize = 8 + 16 + 16;

/// A file that is larger is none of ours: our kernels take some hundred KB.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// The place of one device's kernels, or of what else was found of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cache {
    path: PathBuf,
    /// Of the device, its driver and this version.
    owner: u128,
}

impl Cache {
    /// `key` is a name for devices that could share a file, `sort` says what is in it.
    pub fn of(folder: &Path, key: &str, device: &Device, sort: &str) -> Self {
        let owner = [key, &device.name, &device.driver, &device.backend, env!("CARGO_PKG_VERSION"), sort].join("\n");
        let owner = xxh3_128(owner.as_bytes());
        Self { path: folder.join(format!("{key}_{owner:032x}.{sort}")), owner }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What was kept, None where nothing is there; an error says why a file is not used.
    pub fn read(&self) -> Result<Option<Vec<u8>>, String> {
        let size = match std::fs::metadata(&self.path) {
            Ok(found) => found.len(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.to_string()),
        };
        if size > FILE_BYTES_MAX {
            return Err(format!("it has {size} bytes"));
        }
        let bytes = std::fs::read(&self.path).map_err(|error| error.to_string())?;
        let (header, data) = bytes.split_at_checked(HEADER_BYTES).ok_or("it is cut off")?;
        let (owner, sum) = (&header[8..24], &header[24..]);
        if !header.starts_with(MAGIC) || owner != self.owner.to_le_bytes() {
            return Err("it belongs to another device, driver or version".to_owned());
        }
        if sum != xxh3_128(data).to_le_bytes() {
            return Err("it is damaged".to_owned());
        }
        Ok(Some(data.to_vec()))
    }

    /// Keeps this instead of whatever is there. Whoever reads at the same time finds the old file or the new one.
    pub fn write(&self, data: &[u8]) -> Result<(), String> {
        let folder = self.path.parent().ok_or("it has no folder")?;
        let written = || {
            std::fs::create_dir_all(folder)?;
            let mut file = tempfile::NamedTempFile::new_in(folder)?;
            file.write_all(MAGIC)?;
            file.write_all(&self.owner.to_le_bytes())?;
            file.write_all(&xxh3_128(data).to_le_bytes())?;
            file.write_all(data)?;
            file.persist(&self.path).map_err(|error| error.error)?;
            Ok::<_, std::io::Error>(())
        };
        written().map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::DeviceKind;

    fn device(driver: &str) -> Device {
        Device { name: "Card".into(), kind: DeviceKind::DiscreteGpu, driver: driver.into(), backend: "Vulkan".into() }
    }

    #[test]
    fn what_is_written_is_read_again_and_nothing_else_is() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("deep/er");
        let cache = Cache::of(&folder, "key", &device("1"), "kernels");
        assert_eq!(cache.read(), Ok(None));
        let data = b"what a driver wrote".repeat(99);
        cache.write(b"older").unwrap();
        cache.write(&data).unwrap();
        assert_eq!(cache.read(), Ok(Some(data.clone())));
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1, "no temporary file is left");

        let whole = std::fs::read(cache.path()).unwrap();
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            std::fs::write(cache.path(), damaged).unwrap();
            assert!(cache.read().is_err(), "byte {at}");
        }
        for length in 0..whole.len() {
            std::fs::write(cache.path(), &whole[..length]).unwrap();
            assert!(cache.read().is_err(), "{length} bytes");
        }
        // Another driver has another file, and would not take this one under its name.
        let other = Cache::of(&folder, "key", &device("2"), "kernels");
        assert_ne!(other.path(), cache.path());
        std::fs::write(other.path(), &whole).unwrap();
        assert!(other.read().unwrap_err().contains("another device"));
    }

    #[test]
    fn a_folder_that_cannot_be_is_said_and_nothing_more() {
        let place = tempfile::tempdir().unwrap();
        std::fs::write(place.path().join("file"), "").unwrap();
        let cache = Cache::of(&place.path().join("file/folder"), "key", &device("1"), "kernels");
        assert!(cache.write(b"data").is_err());
    }
}
