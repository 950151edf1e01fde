//! Names from profiles of planted groups, labelled with the truth or with something that is not quite the truth.

use segmint::features;
use segmint::job::{Job, SourceSettings};
use segmint::observe::Observe;
use segmint::persona::{NamedCluster, Naming, Outcome, Playbook, name, suggest};
use segmint::profile::{Profile, describe};
use segmint::source::Source;

use crate::planting::{Planted, Rng, World};
use crate::table::{Table, job, plain};
use crate::worlds;

const N_ROWS: usize = 2_000;
const SEEDS: u64 = 20;

/// Of a cluster that carries the name of a persona, more than this share is of the planted group of that name.
const TRUE_NAME: f64 = 0.5;

pub fn profile_of(table: &Table, labels: &[u16]) -> Profile {
    let folder = tempfile::tempdir().unwrap();
    table.write(&folder.path().join("a.parquet"), 1000);
    let names: Vec<&str> = table.columns.iter().map(|(name, _)| name.as_str()).collect();
    let mut job: Job = job(plain(&names));
    job.engine.threads = 1;
    let settings = SourceSettings { path: folder.path().display().to_string(), ..job.source.clone() };
    let observe = Observe::default();
    let source = Source::open(&settings, &observe).unwrap();
    let loaded = features::load(&source, &job, &observe).unwrap();
    let n_clusters = labels.iter().max().map_or(0, |&most| usize::from(most) + 1);
    describe(&source, &job, &loaded.features, &[], labels, None, n_clusters, &observe).unwrap()
}

fn naming_of(table: &Table, labels: &[u16], playbook: &Playbook) -> Naming {
    name(&profile_of(table, labels), playbook, &[]).unwrap()
}

fn outcome<'a>(naming: &'a Naming, persona: &str) -> &'a Outcome {
    &naming.personas.iter().find(|verdict| verdict.persona == persona).unwrap().outcome
}

/// Clusters that carry the name of a persona whose group is not most of them.
pub fn false_names(naming: &Naming, labels: &[u16], world: &World, truth: &[u16]) -> Vec<String> {
    let mut found = Vec::new();
    for (cluster, named) in naming.clusters.iter().enumerate() {
        let Some(persona) = &named.persona else { continue };
        let rows: Vec<u16> = labels
            .iter()
            .zip(truth)
            .filter(|(label, _)| usize::from(**label) == cluster)
            .map(|(_, group)| *group)
            .collect();
        let own = rows.iter().filter(|group| world.groups[usize::from(**group)].name == persona).count();
        let share = own as f64 / rows.len() as f64;
        if share <= TRUE_NAME {
            found.push(format!("{} ({:.0} % of it; score {:?})", named.name, 100.0 * share, named.score));
        }
    }
    found
}

/// Every world at every seed, with its customers.
fn each(check: impl Fn(&World, &Playbook, &Planted, u64)) {
    for world in worlds::all() {
        let playbook = Playbook::load(world.playbook).unwrap();
        for seed in 0..SEEDS {
            let moved = world.moved(seed);
            check(&moved, &playbook, &moved.customers(N_ROWS, seed), seed);
        }
    }
}

#[test]
fn every_group_earns_its_persona_and_no_other() {
    each(|world, playbook, planted, seed| {
        let naming = naming_of(&planted.table, &planted.truth, playbook);
        for (group, named) in world.groups.iter().zip(&naming.clusters) {
            let verdict = naming.personas.iter().find(|verdict| verdict.persona == group.name);
            assert_eq!(named.name, group.name, "{}, seed {seed}: {verdict:#?}", world.playbook);
            let (score, confidence) = (named.score.unwrap(), named.confidence.unwrap());
            assert!((0.5..=1.0).contains(&score) && (0.5..=score).contains(&confidence), "{named:#?}");
            assert!(named.evidence.iter().any(|evidence| evidence.is_so));
        }
    });
}

#[test]
fn the_persona_of_a_group_that_is_left_out_is_not_found() {
    let mut found = Vec::new();
    for world in worlds::all() {
        let playbook = Playbook::load(world.playbook).unwrap();
        for seed in 0..SEEDS {
            let group = seed as usize % world.groups.len();
            let without = world.moved(seed).without(group);
            let planted = without.customers(N_ROWS, seed);
            let naming = naming_of(&planted.table, &planted.truth, &playbook);
            let missing = world.groups[group].name;
            let outcome = outcome(&naming, missing);
            if !matches!(outcome, Outcome::NotFound { .. }) {
                found.push(format!("{}, seed {seed}: {missing}: {outcome:?}", world.playbook));
            }
            let wrong = false_names(&naming, &planted.truth, &without, &planted.truth);
            found.extend(wrong.into_iter().map(|wrong| format!("{}, seed {seed}: {wrong}", world.playbook)));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn columns_that_hang_together_no_longer_give_no_name() {
    each(|world, playbook, planted, seed| {
        let naming = naming_of(&planted.permuted(seed), &planted.truth, playbook);
        let given: Vec<&NamedCluster> = naming.clusters.iter().filter(|named| named.persona.is_some()).collect();
        assert!(given.is_empty(), "{}, seed {seed}: {given:#?}", world.playbook);
    });
}

#[test]
fn two_groups_taken_for_one_earn_no_false_name() {
    let mut found = Vec::new();
    for world in worlds::all() {
        let playbook = Playbook::load(world.playbook).unwrap();
        let n = world.groups.len() as u16;
        for seed in 0..SEEDS / 4 {
            let moved = world.moved(seed);
            let planted = moved.customers(N_ROWS, seed);
            for (keep, merge) in (0..n).flat_map(|a| (a + 1..n).map(move |b| (a, b))) {
                let labels: Vec<u16> = planted
                    .truth
                    .iter()
                    .map(|&group| if group == merge { keep } else { group - u16::from(group > merge) })
                    .collect();
                let naming = naming_of(&planted.table, &labels, &playbook);
                let wrong = false_names(&naming, &labels, &moved, &planted.truth);
                found.extend(wrong.into_iter().map(|wrong| format!("{}, seed {seed}: {wrong}", world.playbook)));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_group_taken_for_two_earns_no_false_name() {
    each(|world, playbook, planted, seed| {
        let split = (seed % world.groups.len() as u64) as u16;
        let column = &planted.table.columns[seed as usize % planted.table.columns.len()].1;
        let mut own: Vec<f64> =
            column.iter().zip(&planted.truth).filter(|(_, group)| **group == split).filter_map(|(v, _)| *v).collect();
        own.sort_by(f64::total_cmp);
        let median = own[own.len() / 2];
        let upper = |value: &Option<f64>| value.is_some_and(|value| value > median);
        let second = world.groups.len() as u16;
        let rows = planted.truth.iter().zip(column);
        let labels: Vec<u16> =
            rows.map(|(&group, value)| if group == split && upper(value) { second } else { group }).collect();
        let naming = naming_of(&planted.table, &labels, playbook);
        let wrong = false_names(&naming, &labels, world, &planted.truth);
        assert!(wrong.is_empty(), "{}, seed {seed}: {wrong:?}", world.playbook);
        let mut names: Vec<&str> = naming.clusters.iter().map(|named| named.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), naming.clusters.len());
    });
}

#[test]
fn the_numbers_of_clusters_change_nothing() {
    each(|world, playbook, planted, seed| {
        let n = world.groups.len();
        let order = Rng(seed).order(n);
        let shuffled: Vec<u16> = planted.truth.iter().map(|&group| order[usize::from(group)] as u16).collect();
        let straight = naming_of(&planted.table, &planted.truth, playbook);
        let other = naming_of(&planted.table, &shuffled, playbook);
        for (group, named) in straight.clusters.iter().enumerate() {
            assert_eq!(*named, other.clusters[order[group]], "{}, seed {seed}", world.playbook);
        }
    });
}

fn money(table: &Table) -> String {
    let known = ["monetary", "Monetary", "total_spent", "Total_Spend"];
    table.columns.iter().map(|(name, _)| name.clone()).find(|name| known.contains(&name.as_str())).unwrap()
}

#[test]
fn the_playbook_that_fits_a_table_best_is_suggested_first() {
    for world in worlds::all() {
        for seed in 0..SEEDS / 4 {
            let moved = world.moved(seed);
            let planted = moved.customers(N_ROWS, seed);
            let profile = profile_of(&planted.table, &planted.truth);
            // Some playbooks have no such role.
            let given = [("monetary".to_owned(), money(&planted.table))];
            let tried = suggest(&profile, &given).unwrap();
            let fits: Vec<(&str, f64)> = tried.iter().map(|tried| (tried.playbook.as_str(), tried.fit)).collect();
            assert_eq!(fits[0].0, world.playbook, "seed {seed}: {fits:?}");
            assert!(tried[0].found == moved.groups.len() && tried[0].named_share > 0.999_999, "{:#?}", tried[0]);
            assert!(fits.windows(2).all(|pair| pair[0].1 >= pair[1].1));
        }
    }
}
