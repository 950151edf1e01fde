//! What follows from the segments taken together: what to do when, what to watch, and the ways customers may go from
//! one persona to another. Put together here once; the page and the Markdown write it down.

use super::summary::{ClusterSummary, Summary};
use crate::persona::{Calendar, Move};

/// One of the three horizons, with everything that is to be done in it.
pub(super) struct Horizon {
    pub(super) name: &'static str,
    /// What it means in time, where the playbook says so: "the first month".
    pub(super) meaning: Option<String>,
    pub(super) actions: Vec<Action>,
}

pub(super) struct Action {
    pub(super) text: String,
    /// Whom it concerns, by published number; nobody in particular where it concerns all.
    pub(super) clusters: Vec<usize>,
}

/// The actions of the playbook and of every persona that was found, each once.
pub(super) fn calendar(summary: &Summary) -> Vec<Horizon> {
    type Part = fn(&Calendar) -> &Vec<String>;
    let parts: [(&'static str, Part); 3] = [("Now", |c| &c.now), ("Next", |c| &c.next), ("Later", |c| &c.later)];
    let horizons = summary.playbook.horizons.as_ref();
    let meanings = [horizons.map(|h| &h.now), horizons.map(|h| &h.next), horizons.map(|h| &h.later)];
    let all = parts.into_iter().zip(meanings).map(|((name, part), meaning)| {
        let mut actions: Vec<Action> = Vec::new();
        for (cluster, guide) in summary.clusters.iter().filter_map(|c| Some((c.cluster, c.guide.as_ref()?))) {
            for text in part(&guide.calendar) {
                match actions.iter_mut().find(|action| action.text == *text) {
                    Some(action) => action.clusters.push(cluster),
                    None => actions.push(Action { text: text.clone(), clusters: vec![cluster] }),
                }
            }
        }
        let general = part(&summary.playbook.calendar).iter();
        actions.extend(general.map(|text| Action { text: text.clone(), clusters: Vec::new() }));
        Horizon { name, meaning: meaning.filter(|text| !text.is_empty()).cloned(), actions }
    });
    let all: Vec<Horizon> = all.collect();
    if all.iter().all(|horizon| horizon.actions.is_empty()) { Vec::new() } else { all }
}

/// A figure to look at again and again.
pub(super) struct Watched {
    pub(super) metric: String,
    /// What it belongs to: a topic of the playbook, or the segments it is a goal of.
    pub(super) about: String,
    /// How often, where the playbook says so.
    pub(super) every: Option<String>,
    /// Data that the run was not given; absent where every run computes it.
    pub(super) needs: Option<String>,
}

/// The playbook's list, and the goals of all personas found. What runs compute comes first.
pub(super) fn watched(summary: &Summary) -> Vec<Watched> {
    let mut all: Vec<Watched> = summary
        .playbook
        .monitors
        .iter()
        .map(|monitor| Watched {
            metric: monitor.metric.clone(),
            about: monitor.topic.clone(),
            every: Some(monitor.every.to_string()),
            needs: monitor.needs.clone(),
        })
        .collect();
    let mut computed: Vec<(String, Vec<usize>)> = Vec::new();
    let mut lacking: Vec<(String, Vec<usize>)> = Vec::new();
    for (cluster, guide) in summary.clusters.iter().filter_map(|c| Some((c.cluster, c.guide.as_ref()?))) {
        for kpi in &guide.kpis {
            let goals = if kpi.baseline.is_some() { &mut computed } else { &mut lacking };
            match goals.iter_mut().find(|(name, _)| *name == kpi.name) {
                Some((_, clusters)) => clusters.push(cluster),
                None => goals.push((kpi.name.clone(), vec![cluster])),
            }
        }
    }
    let goal = |metric: String, clusters: &[usize], needs: Option<&str>| Watched {
        metric,
        about: format!("Goal of {}", segments(clusters)),
        every: None,
        needs: needs.map(str::to_owned),
    };
    all.extend(computed.into_iter().map(|(metric, clusters)| goal(metric, &clusters, None)));
    // What the same segments lack stands together.
    while let Some((_, clusters)) = lacking.first().cloned() {
        let (own, others): (Vec<_>, Vec<_>) = lacking.into_iter().partition(|(_, of)| *of == clusters);
        let metrics: Vec<String> = own.into_iter().map(|(metric, _)| metric).collect();
        all.push(goal(metrics.join("; "), &clusters, Some("columns that this table does not have")));
        lacking = others;
    }
    all.sort_by_key(|watched| watched.needs.is_some());
    all
}

/// "segment 3", "segments 0 and 1"
pub(super) fn segments(clusters: &[usize]) -> String {
    let numbers: Vec<String> = clusters.iter().map(usize::to_string).collect();
    match numbers.as_slice() {
        [] => "all segments".to_owned(),
        [only] => format!("segment {only}"),
        [first @ .., last] => format!("segments {} and {last}", first.join(", ")),
    }
}

/// A persona on the map of moves.
pub(super) struct Stop<'a> {
    pub(super) persona: &'a str,
    /// The segments that carry its name; none where it is only a goal.
    pub(super) clusters: &'a [usize],
    /// Of all customers.
    pub(super) share: f64,
}

/// A way from one stop to another, by their positions.
pub(super) struct Way<'a> {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) found: &'a Move,
}

/// The personas that were found or that customers may move to, in the playbook's order, and the ways between them.
pub(super) fn journey(summary: &Summary) -> (Vec<Stop<'_>>, Vec<Way<'_>>) {
    let cluster = |number: &usize| summary.clusters.iter().find(|cluster| cluster.cluster == *number);
    let guide = |clusters: &[usize]| clusters.iter().find_map(|number| cluster(number)?.guide.as_ref());
    let moves = || {
        let found = summary.personas.iter().filter_map(|fate| Some((&fate.persona, guide(&fate.clusters)?)));
        found.flat_map(|(from, guide)| guide.moves.iter().map(move |found| (from, found)))
    };
    let stops: Vec<Stop> = summary
        .personas
        .iter()
        .filter(|fate| moves().any(|(from, found)| *from == fate.persona || found.to == fate.persona))
        .map(|fate| {
            let carriers: Vec<&ClusterSummary> = fate.clusters.iter().filter_map(cluster).collect();
            Stop {
                persona: &fate.persona,
                clusters: &fate.clusters,
                share: carriers.iter().map(|cluster| cluster.share).sum(),
            }
        })
        .collect();
    let stop = |persona: &str| stops.iter().position(|stop| stop.persona == persona);
    let ways = moves().filter_map(|(from, found)| Some(Way { from: stop(from)?, to: stop(&found.to)?, found }));
    let ways = ways.collect();
    (stops, ways)
}
