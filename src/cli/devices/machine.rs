//! What a machine needs before any program can use its GPU, and which of it is missing here: the Vulkan loader, the
//! drivers' manifest files and the libraries they name, the device nodes, and in containers NVIDIA's capability
//! variable. Linux only; elsewhere the system brings all of it. Everything is looked up below a root folder, so that
//! tests can build machines of their own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

/// Something that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub what: String,
    pub state: State,
    /// What was found, or what to do about it: one line.
    pub says: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Good,
    /// Nothing can be said, or it is not needed.
    Idle,
    Missing,
}

/// Folders that the dynamic linker looks in on the distributions we know.
const LIBRARY_FOLDERS: [&str; 9] = [
    "usr/lib/x86_64-linux-gnu",
    "usr/lib/aarch64-linux-gnu",
    "lib/x86_64-linux-gnu",
    "lib/aarch64-linux-gnu",
    "usr/lib64",
    "lib64",
    "usr/lib",
    "usr/local/lib",
    "usr/local/nvidia/lib64",
];

const MANIFEST_FOLDERS: [&str; 4] =
    ["etc/vulkan/icd.d", "usr/share/vulkan/icd.d", "usr/local/share/vulkan/icd.d", "usr/local/etc/vulkan/icd.d"];

/// A manifest is a few lines.
const MANIFEST_BYTES_MAX: u64 = 1 << 16;

/// A machine to look at: its root folder and the variables that drivers go by.
pub struct Machine {
    root: PathBuf,
    variables: BTreeMap<String, String>,
}

impl Machine {
    /// The one this runs on.
    pub fn here() -> Machine {
        let names = [
            "LD_LIBRARY_PATH",
            "VK_DRIVER_FILES",
            "VK_ICD_FILENAMES",
            "VK_ADD_DRIVER_FILES",
            "NVIDIA_DRIVER_CAPABILITIES",
            "NVIDIA_VISIBLE_DEVICES",
        ];
        let value = |name: &str| Some((name.to_owned(), std::env::var(name).ok()?));
        Machine { root: PathBuf::from("/"), variables: names.into_iter().filter_map(value).collect() }
    }

    /// Everything worth saying, in the order in which it is needed.
    pub fn findings(&self) -> Vec<Finding> {
        let mut findings = vec![self.loader()];
        findings.extend(self.drivers());
        findings.push(self.nodes());
        findings.extend(self.nvidia());
        findings
    }

    fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    fn below(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    /// Where a library lies, if it does.
    fn library(&self, name: &str) -> Option<PathBuf> {
        if name.contains('/') {
            return Some(self.below(name)).filter(|path| path.exists());
        }
        let listed = self.variable("LD_LIBRARY_PATH").unwrap_or_default().split(':').filter(|part| !part.is_empty());
        let folders = listed.chain(LIBRARY_FOLDERS);
        folders.map(|folder| self.below(folder).join(name)).find(|path| path.exists())
    }

    fn loader(&self) -> Finding {
        match self.library("libvulkan.so.1") {
            Some(path) => good("Vulkan loader", path.display().to_string()),
            None => missing("Vulkan loader", "install libvulkan1 (Debian, Ubuntu) or vulkan-loader (Fedora, Alpine)"),
        }
    }

    /// One finding per driver manifest, or one that there is none.
    fn drivers(&self) -> Vec<Finding> {
        let files = self.manifests();
        if files.is_empty() {
            let advice =
                "install the GPU's driver: mesa-vulkan-drivers for AMD and Intel, NVIDIA's own with libnvidia-gl";
            return vec![missing("Vulkan drivers", advice)];
        }
        files.iter().map(|file| self.driver(file)).collect()
    }

    fn manifests(&self) -> Vec<PathBuf> {
        let listed = |name: &str| -> Vec<PathBuf> {
            self.variable(name)
                .unwrap_or_default()
                .split(':')
                .filter(|p| !p.is_empty())
                .map(|p| self.below(p))
                .collect()
        };
        // Either of the first two replaces what the folders hold.
        let replaced =
            [listed("VK_DRIVER_FILES"), listed("VK_ICD_FILENAMES")].into_iter().find(|list| !list.is_empty());
        if let Some(list) = replaced {
            return list;
        }
        let mut files = listed("VK_ADD_DRIVER_FILES");
        for folder in MANIFEST_FOLDERS {
            let Ok(entries) = std::fs::read_dir(self.below(folder)) else { continue };
            let mut found: Vec<PathBuf> = entries
                .flatten()
                .map(|entry| entry.path())
                .filter(|path| path.extension().is_some_and(|end| end == "json"))
                .collect();
            found.sort();
            files.extend(found);
        }
        files
    }

    fn driver(&self, manifest: &Path) -> Finding {
        let what = format!("driver {}", manifest.file_name().unwrap_or_default().to_string_lossy());
        let Some(library) = library_of(manifest) else {
            return missing(&what, "the manifest cannot be read or names no library: install the driver again");
        };
        // A relative path starts from the manifest.
        let beside = library.contains('/') && !library.starts_with('/');
        let found = match beside {
            true => manifest.parent().map(|folder| folder.join(&library)).filter(|path| path.exists()),
            false => self.library(&library),
        };
        match found {
            Some(path) => good(&what, path.display().to_string()),
            None => {
                missing(&what, &format!("it names {library}, which is not here: install the driver's package again"))
            }
        }
    }

    fn nodes(&self) -> Finding {
        let render: Vec<PathBuf> = std::fs::read_dir(self.below("dev/dri"))
            .map(|entries| entries.flatten().map(|entry| entry.path()).filter(|path| is_render_node(path)).collect())
            .unwrap_or_default();
        let nvidia = self.below("dev/nvidia0");
        let all: Vec<&PathBuf> = render.iter().chain(nvidia.exists().then_some(&nvidia)).collect();
        if all.is_empty() {
            let advice = "no GPU is visible: in a container pass one in (--gpus all, or --device /dev/dri)";
            return Finding { what: "GPU device nodes".into(), state: State::Idle, says: advice.into() };
        }
        let refused = all.iter().find(|path| {
            let opened = std::fs::OpenOptions::new().read(true).write(true).open(path);
            opened.is_err_and(|error| error.kind() == std::io::ErrorKind::PermissionDenied)
        });
        match refused {
            Some(path) => missing(
                "GPU device nodes",
                &format!("{} may not be opened: add this user to the group render", path.display()),
            ),
            None => {
                let names: Vec<String> = all.iter().map(|path| path.display().to_string()).collect();
                good("GPU device nodes", names.join(", "))
            }
        }
    }

    /// NVIDIA's driver comes from the host and needs to be told what a container may use.
    fn nvidia(&self) -> Vec<Finding> {
        if !self.below("dev/nvidia0").exists() && !self.below("proc/driver/nvidia/version").exists() {
            return Vec::new();
        }
        let mut findings = Vec::new();
        if let Some(value) = self.variable("NVIDIA_DRIVER_CAPABILITIES") {
            let what = "NVIDIA_DRIVER_CAPABILITIES";
            let has_graphics = value.split(',').any(|word| matches!(word.trim(), "graphics" | "all"));
            findings.push(match has_graphics {
                true => good(what, value.to_owned()),
                false => {
                    missing(what, "it lacks graphics, so no Vulkan driver is passed in: set compute,utility,graphics")
                }
            });
        }
        findings.push(match self.library("libGLX_nvidia.so.0") {
            Some(path) => good("NVIDIA's Vulkan driver", path.display().to_string()),
            None => missing(
                "NVIDIA's Vulkan driver",
                "libGLX_nvidia.so.0 is not here: on the host install libnvidia-gl-*; in a container set \
                 NVIDIA_DRIVER_CAPABILITIES=compute,utility,graphics",
            ),
        });
        let needed = [("libEGL.so.1", "libegl1"), ("libXext.so.6", "libxext6"), ("libX11.so.6", "libx11-6")];
        for (library, package) in needed {
            if self.library(library).is_none() {
                findings.push(missing(
                    library,
                    &format!("NVIDIA's driver loads it even without a display: install {package}"),
                ));
            }
        }
        findings
    }
}

fn good(what: &str, says: String) -> Finding {
    Finding { what: what.to_owned(), state: State::Good, says }
}

fn missing(what: &str, says: &str) -> Finding {
    Finding { what: what.to_owned(), state: State::Missing, says: says.to_owned() }
}

fn is_render_node(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("renderD"))
}

/// The library that a driver manifest names.
fn library_of(manifest: &Path) -> Option<String> {
    if std::fs::metadata(manifest).ok()?.len() > MANIFEST_BYTES_MAX {
        return None;
    }
    let text = std::fs::read_to_string(manifest).ok()?;
    let value: serde_json::Value = serde_json::from_str(&text).ok()?;
    Some(value.get("ICD")?.get("library_path")?.as_str()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A machine made of files with their texts.
    fn machine(files: &[(&str, &str)], variables: &[(&str, &str)]) -> (tempfile::TempDir, Machine) {
        let root = tempfile::tempdir().expect("a folder for the test");
        for (name, text) in files {
            let path = root.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("create");
            std::fs::write(path, text).expect("write");
        }
        let variables = variables.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        let machine = Machine { root: root.path().to_path_buf(), variables };
        (root, machine)
    }

    fn states(machine: &Machine) -> Vec<(String, State)> {
        machine.findings().into_iter().map(|finding| (finding.what, finding.state)).collect()
    }

    const MANIFEST: &str =
        r#"{"file_format_version": "1.0.0", "ICD": {"library_path": "libx.so", "api_version": "1.3"}}"#;

    #[test]
    fn a_bare_machine_lacks_the_loader_and_a_driver() {
        let (_root, machine) = machine(&[], &[]);
        let expected =
            [("Vulkan loader", State::Missing), ("Vulkan drivers", State::Missing), ("GPU device nodes", State::Idle)];
        assert_eq!(states(&machine), expected.map(|(what, state)| (what.to_owned(), state)));
    }

    #[test]
    fn a_manifest_whose_library_is_gone_is_found_out() {
        let loader = ("usr/lib/x86_64-linux-gnu/libvulkan.so.1", "");
        let manifest = ("usr/share/vulkan/icd.d/x_icd.json", MANIFEST);
        let (_root, without) = machine(&[loader, manifest], &[]);
        assert_eq!(states(&without)[1], ("driver x_icd.json".to_owned(), State::Missing));
        let (_root, with) = machine(&[loader, manifest, ("usr/lib64/libx.so", "")], &[]);
        assert_eq!(states(&with)[1], ("driver x_icd.json".to_owned(), State::Good));
        let (_root, broken) = machine(&[loader, ("etc/vulkan/icd.d/y.json", "{")], &[]);
        assert!(broken.findings()[1].says.contains("cannot be read"));
    }

    #[test]
    fn nvidia_in_a_container_without_graphics_is_told_what_to_set() {
        let node = ("dev/nvidia0", "");
        let (_root, machine) = machine(&[node], &[("NVIDIA_DRIVER_CAPABILITIES", "compute,utility")]);
        let findings = machine.findings();
        let capability =
            findings.iter().find(|finding| finding.what == "NVIDIA_DRIVER_CAPABILITIES").expect("a finding");
        assert_eq!(capability.state, State::Missing);
        assert!(capability.says.contains("compute,utility,graphics"));
        for library in ["NVIDIA's Vulkan driver", "libEGL.so.1", "libXext.so.6"] {
            assert!(findings.iter().any(|finding| finding.what == library && finding.state == State::Missing));
        }
    }

    #[test]
    fn a_variable_replaces_the_folders_of_manifests() {
        let files = [("usr/share/vulkan/icd.d/x_icd.json", MANIFEST), ("other/z.json", MANIFEST)];
        let (_root, machine) = machine(&files, &[("VK_DRIVER_FILES", "/other/z.json")]);
        let whats: Vec<String> = machine.findings().into_iter().map(|finding| finding.what).collect();
        assert!(whats.contains(&"driver z.json".to_owned()) && !whats.contains(&"driver x_icd.json".to_owned()));
    }
}
