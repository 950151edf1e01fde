//! Compiled kernels that are kept for the next run: the second opening finds them, whatever else lies in their place is
//! left alone and replaced, and the answers are the same.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use segmint::engine::gpu::{AdapterInfo, Clock};
use segmint::engine::{Settings, Shape, Wanted, open};
use segmint::grid::Sums;
use segmint::observe::{Event, Observe};

use crate::adapters::on_every_adapter;
use crate::cases;

/// What an adapter answers, and what is said of its kernels, with a folder to keep them in.
fn run(adapter: &AdapterInfo, cache: Option<&Path>) -> (Vec<Sums>, Vec<String>) {
    let said = Arc::new(Mutex::new(Vec::new()));
    let kept = said.clone();
    let observe = Observe::default().listen(move |event| {
        if let Event::Detail { text } = event {
            kept.lock().unwrap().push(text.clone());
        }
    });
    let case = cases::plain(10, &[5, 200], 700);
    let wanted = Wanted::Named(adapter.title());
    let settings = Settings {
        wanted,
        memory: 1 << 30,
        threads: 1,
        cache: cache.map(Path::to_path_buf),
        clock: Clock::Off,
        tune: true,
    };
    let shape = Shape { n_rows: 700, n_features: 10, n_clusters: 205, n_models: 2 };
    let mut engine = open(&settings, shape, &observe).unwrap();
    engine.load(case.matrix.clone()).unwrap();
    let sums = engine.step(&case.models).unwrap();
    engine.assign(&case.models[0]).unwrap();
    drop(engine);
    let said = said.lock().unwrap().clone();
    (sums, said)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn kernels_are_kept_found_again_and_never_taken_from_a_damaged_or_foreign_file() {
    on_every_adapter(|adapter| {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("kernels");
        let (expected, said) = run(adapter, None);
        assert!(said.is_empty() && !folder.exists(), "nothing is kept unless asked for: {said:?}");

        let (first, said) = run(adapter, Some(&folder));
        assert_eq!(first, expected);
        if adapter.device.backend != "Vulkan" {
            assert!(said.is_empty() && !folder.exists(), "only Vulkan gives kernels away: {said:?}");
            return;
        }
        let [file] = &files(&folder)[..] else { panic!("one file: {:?}", files(&folder)) };
        assert!(matches!(&said[..], [one] if one.contains("kept in")), "{said:?}");
        let whole = std::fs::read(file).unwrap();

        let (second, said) = run(adapter, Some(&folder));
        assert_eq!(second, expected);
        assert!(said[0].contains("bytes of compiled code in"), "{said:?}");

        // A flipped bit, the end missing, and a file of somebody else's.
        let mut flipped = whole.clone();
        *flipped.last_mut().unwrap() ^= 1;
        for (bytes, why) in [
            (flipped, "it is damaged"),
            (whole[..20].to_vec(), "it is cut off"),
            (vec![7; 5000], "it belongs to another"),
        ] {
            std::fs::write(file, &bytes).unwrap();
            let (answer, said) = run(adapter, Some(&folder));
            assert_eq!(answer, expected, "{why}");
            assert!(said[0].contains("is not used") && said[0].contains(why), "{said:?}");
            assert!(said[1].contains("kept in"), "{said:?}");
            assert_ne!(std::fs::read(file).unwrap(), bytes, "it is replaced");
            let (_, said) = run(adapter, Some(&folder));
            assert!(said[0].contains("bytes of compiled code in"), "{said:?}");
        }
        assert_eq!(files(&folder).len(), 1);

        // A folder that cannot be written is said, and ends nothing.
        let (answer, said) = run(adapter, Some(&file.join("below")));
        assert_eq!(answer, expected);
        assert!(said.iter().any(|text| text.contains("was not written")), "{said:?}");
    });
}
