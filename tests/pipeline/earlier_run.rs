//! A published run, opened again: whole, or refused with the name of what is missing or damaged.

use std::fs;

use segmint::error::Kind;
use segmint::observe::Observe;
use segmint::pipeline::run;
use segmint::source::{Request, ScanSettings};
use segmint::store::Run;

use super::table::{ROWS, input, job};

#[test]
fn a_run_is_read_back_as_it_was_published() {
    let place = tempfile::tempdir().unwrap();
    let job = job(&input(place.path()), &place.path().join("run"));
    let outcome = run(&job, &Observe::default()).unwrap();
    let found = Run::open(&job.output.path).unwrap();
    assert_eq!(found.summary().unwrap(), outcome.summary);
    assert_eq!(found.model().unwrap().clusters.len(), 3);
    assert_eq!(found.source(None).unwrap(), job.source);
    assert_eq!(found.source(Some("elsewhere")).unwrap().path, "elsewhere");
    assert_eq!((found.id(), found.roles()), (Some("customer"), Vec::new()));

    let assignments = found.assignments(&Observe::default()).unwrap();
    let columns = ["cluster", "distance", "margin"].map(|name| assignments.column(name).unwrap());
    let texts = ["persona", "second_persona"].map(|name| assignments.column(name).unwrap());
    let request = Request { numbers: columns.to_vec(), texts: texts.to_vec(), ids: true, ..Request::default() };
    let settings = ScanSettings { chunk_rows: 100, memory: 1 << 20 };
    let mut sizes = [0; 3];
    let scan = assignments.scan(&request, &settings, &Observe::default(), &mut |wave| {
        for batch in wave {
            assert_eq!(batch.ids.map(|ids| ids.len()), Some(batch.n_rows));
            let mut personas = Vec::new();
            batch.texts[0].each(|name| personas.extend(name.map(str::to_owned)));
            for (&cluster, persona) in batch.numbers[0].iter().zip(&personas) {
                sizes[cluster as usize] += 1;
                assert_eq!(*persona, outcome.summary.clusters[cluster as usize].persona);
            }
        }
        Ok(())
    });
    scan.unwrap();
    assert_eq!(sizes.iter().sum::<u64>(), ROWS as u64);
    assert_eq!(sizes.to_vec(), outcome.summary.clusters.iter().map(|cluster| cluster.size).collect::<Vec<_>>());
}

#[test]
fn what_is_missing_is_missing_and_what_is_changed_is_bad_data() {
    let place = tempfile::tempdir().unwrap();
    let job = job(&input(place.path()), &place.path().join("run"));
    run(&job, &Observe::default()).unwrap();
    let folder = &job.output.path;
    let refused = |name: &str| {
        let error = Run::open(folder).unwrap_err();
        assert!(error.to_string().contains(name), "{error}");
        assert!(error.hint_text().is_some());
        error.kind()
    };
    for name in ["assignments.parquet", "model.json", "summary.json"] {
        let bytes = fs::read(folder.join(name)).unwrap();
        let mut changed = bytes.clone();
        let middle = changed.len() / 2;
        changed[middle] ^= 1;
        fs::write(folder.join(name), &changed).unwrap();
        assert_eq!(refused(name), Kind::BadData);
        assert!(Run::find(folder).is_ok(), "who asks what is wrong can open it");
        fs::remove_file(folder.join(name)).unwrap();
        assert_eq!(refused(name), Kind::InputMissing);
        fs::write(folder.join(name), &bytes).unwrap();
        Run::open(folder).unwrap();
    }
    let manifest = fs::read_to_string(folder.join("manifest.json")).unwrap();
    for wrong in [manifest.replace("model.json", "../model.json"), manifest.replace("segmint run", "run"), "{".into()] {
        fs::write(folder.join("manifest.json"), wrong).unwrap();
        assert_eq!(refused("manifest.json"), Kind::BadData);
    }
    fs::remove_file(folder.join("manifest.json")).unwrap();
    assert_eq!(refused("manifest.json"), Kind::InputMissing);
    assert_eq!(Run::open(&place.path().join("nowhere")).unwrap_err().kind(), Kind::InputMissing);
}
