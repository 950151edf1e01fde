//! `segmint explain`: why the segments of a finished run are what they are, and how to pick them elsewhere.
//!
//! Everything is said from the run folder: nothing is clustered again. The rules stand in the summary; a run of a
//! version that made none gets them here, from its input and its assignments, by the same code and to the same digit.
//! Other playbooks are tried on the profile that the run kept. The SQL is written from the model: the exact one does in a
//! database what the run did, the other one asks the questions of the rules.
//!
//! This room changes nothing in a run folder, and prints nothing.

mod quote;
mod relearn;
mod sql_exact;
mod sql_rules;
mod sql_values;

use std::path::Path;

use serde::Serialize;

use crate::error::{Error, Kind, Result};
use crate::observe::Observe;
use crate::persona::{Basis, Distinction, Evidence, Playbook, Suggestion, suggest, try_on};
use crate::report::{ClusterSummary, Selection, Summary, rule};
use crate::rules::{Rules, Tree};
use crate::source::Source;
use crate::store::{Model, Run};

pub use self::sql_exact::TERMS_MAX;

/// A finished run, opened to be explained.
#[derive(Debug)]
pub struct Explained {
    run: Run,
    model: Model,
    summary: Summary,
}

/// What is explained, as JSON has it.
#[derive(Debug, Serialize)]
pub struct Answer<'a> {
    pub k: usize,
    pub k_asked: usize,
    /// One entry per k that was compared; empty where k was given.
    pub selection: &'a [Selection],
    pub clusters: Vec<Segment<'a>>,
    pub rules: Option<&'a Rules>,
    /// Tried on the run: the best fit first, or the only one that was asked for.
    pub playbooks: &'a [Suggestion],
}

/// A cluster, and why it is what it is called.
#[derive(Debug, Serialize)]
pub struct Segment<'a> {
    pub cluster: usize,
    pub persona: &'a str,
    pub basis: Basis,
    pub size: u64,
    pub share: f64,
    pub value_share: Option<f64>,
    pub confidence: Option<f64>,
    pub conditions: &'a [Evidence],
    pub distinctions: &'a [Distinction],
    /// The short rule in words.
    pub rule: Option<String>,
}

/// Which rules are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fineness {
    /// At most one rule per segment.
    Short,
    Fine,
}

impl Explained {
    /// Opens a run whose files are as they were published. `data` says where its input lies now; it is looked at only
    /// where the run has no rules.
    pub fn open(folder: &Path, data: Option<&str>, observe: &Observe) -> Result<Explained> {
        let run = Run::open(folder)?;
        let (model, mut summary) = (run.model()?, run.summary()?);
        if model.clusters.len() != summary.k || model.clusters.iter().any(|cluster| cluster.cluster >= summary.k) {
            return Err(Error::bad_data("the model and the summary of the run speak of different clusters")
                .hint("run the job again"));
        }
        if summary.rules.is_none() && summary.k > 1 {
            match relearn::rules(&run, &model, data, observe) {
                Ok(rules) => summary.rules = rules,
                Err(error) if error.kind() == Kind::InputMissing && data.is_none() => observe.warn_machine(format!(
                    "no rules: the run is of a version without them, and its input is not there to make them ({error})"
                )),
                Err(error) => return Err(error),
            }
        }
        Ok(Explained { run, model, summary })
    }

    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    pub fn answer<'a>(&'a self, playbooks: &'a [Suggestion]) -> Answer<'a> {
        let summary = &self.summary;
        let segment = |of: &'a ClusterSummary| Segment {
            cluster: of.cluster,
            persona: &of.persona,
            basis: of.basis,
            size: of.size,
            share: of.share,
            value_share: of.value_share,
            confidence: of.confidence,
            conditions: &of.conditions,
            distinctions: &of.distinctions,
            rule: rule(summary, of.cluster),
        };
        Answer {
            k: summary.k,
            k_asked: summary.k_asked,
            selection: &summary.selection,
            clusters: summary.clusters.iter().map(segment).collect(),
            rules: summary.rules.as_ref(),
            playbooks,
        }
    }

    /// Our playbooks, tried on the profile of the run, the best fit first.
    pub fn suggestions(&self) -> Result<Vec<Suggestion>> {
        suggest(&self.summary.profile, &self.run.roles())
    }

    /// One playbook, by its name or path. Where the input can be looked at, columns of it that would do for a persona
    /// that cannot be judged are pointed out.
    pub fn try_on(&self, playbook: &str, data: Option<&str>, observe: &Observe) -> Result<Suggestion> {
        let playbook = Playbook::load(playbook)?;
        let mut tried = try_on(&self.summary.profile, &playbook, &self.run.roles())?;
        match self.run.source(data).and_then(|settings| Source::open(&settings, observe)) {
            Ok(source) => {
                let numeric = source.columns().iter().filter(|column| column.kind.is_numeric());
                let names: Vec<&str> = numeric.map(|column| column.name.as_str()).collect();
                tried.naming.note_undescribed(&playbook, &names);
            }
            Err(error) if data.is_some() => return Err(error),
            Err(_) => {}
        }
        Ok(tried)
    }

    /// A query that gives new customers of the table `customers` the segment that the run would have given them.
    pub fn exact_sql(&self) -> Result<String> {
        sql_exact::write(&self.model, &self.summary, self.run.id())
    }

    /// A query that asks the questions of the rules.
    pub fn rules_sql(&self, fineness: Fineness) -> Result<String> {
        let rules = self.summary.rules.as_ref().ok_or_else(|| {
            Error::new(Kind::InputMissing, "there are no rules for this run")
                .hint("one segment needs none; for a run of an earlier version, say with --data where its input lies")
        })?;
        sql_rules::write(self.tree(rules, fineness), rules, &self.model, &self.summary, self.run.id())
    }

    fn tree<'a>(&self, rules: &'a Rules, fineness: Fineness) -> &'a Tree {
        match fineness {
            Fineness::Short => &rules.short,
            Fineness::Fine => &rules.fine,
        }
    }
}
