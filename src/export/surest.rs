//! The surest customers first, in bounded memory.
//!
//! One read of all customers keeps those who come next in the order, as far as they fit; where they do not, the less
//! sure half is let go and found again by the next read. The order is total (margin, then the hash of the id, then the
//! row), so that no customer is lost or listed twice between two reads, and customers whose rows were permuted come out
//! alike. Nothing is written to a disk meanwhile: a list of customers lies in no temporary file.

use arrow::array::{Array, ArrayRef, UInt32Array};
use arrow::compute::{interleave, take};

use crate::error::{Error, Result};

/// What the run says of one customer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Figures {
    pub cluster: u16,
    pub distance: f64,
    pub margin: f64,
    /// Hash of the id.
    pub key: u64,
    /// Among all rows of the run.
    pub row: u64,
}

/// Some customers; the columns hold their values, the id first.
#[derive(Debug)]
pub(super) struct Portion {
    pub rows: Vec<Figures>,
    pub columns: Vec<ArrayRef>,
}

/// What a read may keep.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub bytes: usize,
    pub rows: u64,
}

/// The place of a customer in the order.
pub(super) type Place = (u64, u64, u64);

/// Rows let go in vain cost less than sorting after each of them.
const SPARE_ROWS: u64 = 1 << 16;

/// A customer who is kept: where the values stand, and the place in the order.
struct Kept {
    place: Place,
    figures: Figures,
    part: u32,
    at: u32,
}

/// What one read keeps.
pub(super) struct Surest {
    after: Option<Place>,
    /// Where customers had to be let go: the first of them.
    before: Option<Place>,
    limits: Limits,
    kept: Vec<Kept>,
    parts: Vec<Vec<ArrayRef>>,
    /// Of the parts.
    bytes: usize,
}

impl Figures {
    fn place(&self) -> Place {
        // Margins are not negative, so their bits are in their order; the surest come first.
        (u64::MAX - self.margin.max(0.0).to_bits(), self.key, self.row)
    }
}

impl Surest {
    /// For customers behind `last`.
    pub fn after(last: Option<Place>, limits: Limits) -> Surest {
        Surest { after: last, before: None, limits, kept: Vec::new(), parts: Vec::new(), bytes: 0 }
    }

    /// Takes in some more customers.
    pub fn add(&mut self, portion: Portion) -> Result<()> {
        let inside = |place: Place| {
            self.after.is_none_or(|after| place > after) && self.before.is_none_or(|before| place < before)
        };
        let chosen: Vec<u32> =
            (0u32..).zip(&portion.rows).filter_map(|(at, figures)| inside(figures.place()).then_some(at)).collect();
        if chosen.is_empty() {
            return Ok(());
        }
        let part = u32::try_from(self.parts.len()).map_err(|_| Error::bug("too many parts of a list"))?;
        for (at, &row) in (0u32..).zip(&chosen) {
            if let Some(&figures) = portion.rows.get(row as usize) {
                self.kept.push(Kept { place: figures.place(), figures, part, at });
            }
        }
        let columns = if chosen.len() == portion.rows.len() {
            portion.columns
        } else {
            let chosen = UInt32Array::from(chosen);
            let taken = portion.columns.iter().map(|column| take(column, &chosen, None));
            taken.collect::<Result<_, _>>().map_err(|error| Error::bug("rows that cannot be taken").because(error))?
        };
        self.bytes += columns.iter().map(|column| column.get_array_memory_size()).sum::<usize>();
        self.parts.push(columns);
        if self.kept.len() as u64 > self.limits.rows.saturating_add(self.limits.rows.max(SPARE_ROWS)) {
            self.shrink(usize::try_from(self.limits.rows).unwrap_or(usize::MAX))?;
        } else if self.bytes + self.kept.len() * size_of::<Kept>() > self.limits.bytes {
            self.shrink((self.kept.len() / 2).max(1))?;
        }
        Ok(())
    }

    /// Keeps the first `n_rows` of the order and lets the others go.
    fn shrink(&mut self, n_rows: usize) -> Result<()> {
        self.sort();
        if let Some(first) = self.kept.get(n_rows) {
            self.before = Some(first.place);
        }
        self.kept.truncate(n_rows);
        let columns = self.columns(&self.kept)?;
        self.bytes = columns.iter().map(|column| column.get_array_memory_size()).sum();
        self.parts = vec![columns];
        for (at, kept) in (0u32..).zip(&mut self.kept) {
            (kept.part, kept.at) = (0, at);
        }
        Ok(())
    }

    /// Whether customers were let go.
    pub fn is_partial(&self) -> bool {
        self.before.is_some()
    }

    pub fn sort(&mut self) {
        self.kept.sort_unstable_by_key(|kept| kept.place);
        self.kept.truncate(usize::try_from(self.limits.rows).unwrap_or(usize::MAX));
    }

    /// The last customer of those that are kept, once they are sorted.
    pub fn last(&self) -> Option<Place> {
        self.kept.last().map(|kept| kept.place)
    }

    /// The customers that are kept, so many at a time, once they are sorted.
    pub fn portions(&self, n_rows: usize) -> impl Iterator<Item = Result<Portion>> {
        self.kept.chunks(n_rows.max(1)).map(|kept| {
            let rows = kept.iter().map(|kept| kept.figures).collect();
            Ok(Portion { rows, columns: self.columns(kept)? })
        })
    }

    /// The values of some customers, in their order.
    fn columns(&self, kept: &[Kept]) -> Result<Vec<ArrayRef>> {
        let at: Vec<(usize, usize)> = kept.iter().map(|kept| (kept.part as usize, kept.at as usize)).collect();
        let n_columns = self.parts.first().map_or(0, Vec::len);
        let columns = (0..n_columns).map(|column| {
            let parts: Vec<&dyn Array> =
                self.parts.iter().filter_map(|part| part.get(column)).map(|array| array.as_ref()).collect();
            interleave(&parts, &at)
                .map_err(|error| Error::bug("columns of one type do not fit together").because(error))
        });
        columns.collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{AsArray, StringArray};

    use super::*;

    /// Customers whose margins repeat, in any order; the value of each is its row.
    fn customers(n_rows: u64) -> Vec<Figures> {
        let figures = |row: u64| {
            let mixed = row.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 7;
            Figures { cluster: 0, distance: 1.0, margin: (mixed % 50) as f64 / 50.0, key: mixed % 11, row }
        };
        (0..n_rows).map(figures).collect()
    }

    /// The most bytes that were kept meanwhile.
    fn read(surest: &mut Surest, customers: &[Figures]) -> usize {
        let mut most = 0;
        for rows in customers.chunks(97) {
            let texts = rows.iter().map(|figures| Some(format!("customer {}", figures.row)));
            let columns: Vec<ArrayRef> = vec![Arc::new(texts.collect::<StringArray>())];
            surest.add(Portion { rows: rows.to_vec(), columns }).unwrap();
            most = most.max(surest.bytes + surest.kept.len() * size_of::<Kept>());
        }
        most
    }

    /// All customers in order with the value of each, and the number of reads and the most bytes that took.
    fn listed(customers: &[Figures], limits: Limits) -> (Vec<(u64, String)>, usize, usize) {
        let (mut out, mut last, mut reads, mut most) = (Vec::new(), None, 0, 0);
        loop {
            let mut surest = Surest::after(last, limits);
            most = most.max(read(&mut surest, customers));
            reads += 1;
            surest.sort();
            for portion in surest.portions(10) {
                let portion = portion.unwrap();
                let texts = portion.columns[0].as_string::<i32>();
                out.extend(portion.rows.iter().enumerate().map(|(at, row)| (row.row, texts.value(at).to_owned())));
            }
            last = surest.last();
            if !surest.is_partial() || out.len() as u64 >= limits.rows {
                return (out, reads, most);
            }
        }
    }

    #[test]
    fn several_reads_list_every_customer_once_in_the_same_order() {
        let customers = customers(5000);
        let mut sorted = customers.clone();
        sorted.sort_by(|a, b| b.margin.total_cmp(&a.margin).then((a.key, a.row).cmp(&(b.key, b.row))));
        let (all, reads, _) = listed(&customers, Limits { bytes: usize::MAX, rows: u64::MAX });
        assert_eq!(reads, 1);
        assert!(all.iter().all(|(row, text)| *text == format!("customer {row}")));
        assert_eq!(
            all.iter().map(|(row, _)| *row).collect::<Vec<_>>(),
            sorted.iter().map(|f| f.row).collect::<Vec<_>>()
        );
        for bytes in [1, 20_000, 60_000, 200_000] {
            let (some, reads, most) = listed(&customers, Limits { bytes, rows: u64::MAX });
            assert_eq!(some, all, "{bytes} bytes");
            assert!(reads > 1 && most <= bytes + 20_000, "{bytes} bytes: {reads} reads, {most} bytes");
        }
        let mut turned = customers;
        turned.reverse();
        assert_eq!(
            listed(&turned, Limits { bytes: 60_000, rows: u64::MAX }).0,
            all,
            "the order of rows does not matter"
        );
    }

    #[test]
    fn the_first_few_need_one_read_and_little_memory() {
        let customers = customers(300_000);
        let (all, ..) = listed(&customers, Limits { bytes: usize::MAX, rows: u64::MAX });
        for rows in [0, 1, 10, 1000] {
            let (some, reads, most) = listed(&customers, Limits { bytes: usize::MAX, rows });
            assert_eq!(some, all[..rows as usize]);
            assert!(reads == 1 && most < 8 << 20, "{reads} reads, {most} bytes");
        }
    }
}
