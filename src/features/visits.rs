//! The values again, for statistics that need more than one look: from memory, or from the source.

use rayon::prelude::*;

use crate::error::Result;
use crate::grid::PANEL_ROWS;

use super::fit::{Search, Values};
use super::load::Loader;
use super::plan::Plan;
use super::rows::{Ids, Reading};
use super::stored::Stored;
use super::tally::Tally;
use super::transform;

/// All values in memory.
pub struct InMemory<'a> {
    pub plan: &'a Plan,
    pub stored: Stored,
    pub weights: Option<Vec<u16>>,
}

impl Values for InMemory<'_> {
    fn visit(&mut self, _: &[Option<f64>], searches: &mut [Search]) -> Result<()> {
        searches.par_iter_mut().for_each(|search| {
            let selection = &mut search.selection;
            self.stored.visit(search.feature, |first, values| {
                let mut counted = [0.0; PANEL_ROWS];
                let mut n = 0;
                for (index, value) in values.iter().enumerate() {
                    if value.is_finite() && self.weights.as_ref().is_none_or(|w| w[first + index] > 0) {
                        counted[n] = *value;
                        n += 1;
                    }
                }
                selection.add(&counted[..n]);
            });
        });
        Ok(())
    }

    fn fill(&mut self, fills: &[f64], late: &[usize]) {
        for &feature in late {
            let (fill, transform) = (fills[feature], self.plan.features[feature].transform);
            self.stored.change(feature, |value| {
                let value = if value.is_finite() { value } else { fill };
                transform::apply(transform, value).unwrap_or(value)
            });
        }
    }
}

/// Values that are read from the source again for every pass.
pub struct Streamed<'a> {
    pub loader: &'a Loader<'a>,
}

impl Values for Streamed<'_> {
    fn visit(&mut self, fills: &[Option<f64>], searches: &mut [Search]) -> Result<()> {
        let Loader { source, plan, settings, observe, .. } = self.loader;
        let wanted: Vec<usize> = searches.iter().map(|search| search.feature).collect();
        let reading = Reading::new(plan, fills, Ids::NotRead, |feature| wanted.contains(&feature));
        reading.scan(source, settings, observe, &mut |wave| {
            searches.par_iter_mut().for_each(|search| {
                for (_, rows) in &wave {
                    let counted = Tally::of(&rows.columns[search.feature], rows.weights.as_deref());
                    search.selection.add_tally(&counted.present());
                }
            });
            Ok(())
        })
    }

    fn fill(&mut self, _: &[f64], _: &[usize]) {}
}
