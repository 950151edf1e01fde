//! Two sources side by side: while one is scanned, the batches of another are pulled, one after the other. The other is
//! scanned on a thread of its own, which waits where nobody pulls, so that no more than three waves of it are in memory.

use std::sync::mpsc::{Receiver, sync_channel};
use std::vec::IntoIter;

use super::open::Source;
use super::scan::{Batch, Request, ScanSettings};
use crate::error::{Error, Kind, Result};
use crate::observe::Observe;

/// Waves that wait to be pulled.
const WAITING_MAX: usize = 1;

/// The batches of a source, in its order.
pub struct Pulled {
    waves: Receiver<Result<Vec<Batch>>>,
    wave: IntoIter<Batch>,
}

impl Pulled {
    /// The next batch; none behind the last. What is wrong with the source ends in its error, once.
    pub fn next_batch(&mut self) -> Result<Option<Batch>> {
        loop {
            if let Some(batch) = self.wave.next() {
                return Ok(Some(batch));
            }
            match self.waves.recv() {
                Ok(wave) => self.wave = wave?.into_iter(),
                // The scan ended, and with it its side of the channel.
                Err(_) => return Ok(None),
            }
        }
    }
}

/// Does some work that pulls batches of `source`. Where the work ends early, so does the scan.
pub fn pulled<T>(
    source: &Source,
    request: &Request,
    settings: &ScanSettings,
    observe: &Observe,
    work: impl FnOnce(&mut Pulled) -> Result<T>,
) -> Result<T> {
    let (sender, waves) = sync_channel(WAITING_MAX);
    // The progress that is told is that of the source that is scanned.
    let observe = observe.silent();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let gone = |_| Error::new(Kind::Stopped, "nobody pulls any more");
            let scanned = source.scan(request, settings, &observe, &mut |wave| sender.send(Ok(wave)).map_err(gone));
            if let Err(error) = scanned {
                // Where nobody pulls any more, nobody asks for the error either.
                let _ = sender.send(Err(error));
            }
        });
        let mut pulled = Pulled { waves, wave: Vec::new().into_iter() };
        work(&mut pulled)
        // Dropped here, before the thread is waited for, which so learns that it can end.
    })
}
