//! Lines of bounded length, from a file or standard input.

use crate::home;
use stayhand_runtime::wire::{MAX_LINE_BYTES, WireError};
use std::io::{BufRead, BufReader};
use std::path::Path;

/// Reads a batch line by line.
pub(super) struct Lines {
    input: Box<dyn BufRead>,
    buffer: Vec<u8>,
}

impl Lines {
    /// The lines of a file; `-` is standard input.
    pub(super) fn open(file: &Path) -> anyhow::Result<Self> {
        let input: Box<dyn BufRead> = if file.as_os_str() == "-" {
            Box::new(std::io::stdin().lock())
        } else {
            let opened = std::fs::File::open(file);
            let opened =
                opened.map_err(|error| home::usage(format!("cannot read {}: {error}", file.display())))?;
            Box::new(BufReader::with_capacity(1 << 16, opened))
        };
        Ok(Self { input, buffer: Vec::new() })
    }

    /// The next line; one that is too long is skipped to its end and reported.
    pub(super) fn next(&mut self) -> std::io::Result<Option<Result<&[u8], WireError>>> {
        self.buffer.clear();
        let limit = MAX_LINE_BYTES as u64 + 1;
        let read = std::io::Read::take(&mut self.input, limit).read_until(b'\n', &mut self.buffer)?;
        if read == 0 {
            return Ok(None);
        }
        if self.buffer.len() > MAX_LINE_BYTES && self.buffer.last() != Some(&b'\n') {
            let skipped = self.skip_line()?;
            return Ok(Some(Err(WireError::TooLong(self.buffer.len() + skipped))));
        }
        Ok(Some(Ok(self.buffer.trim_ascii_end())))
    }

    fn skip_line(&mut self) -> std::io::Result<usize> {
        let mut skipped = 0;
        loop {
            let chunk = self.input.fill_buf()?;
            let (count, done) = match chunk.iter().position(|byte| *byte == b'\n') {
                Some(at) => (at + 1, true),
                None => (chunk.len(), chunk.is_empty()),
            };
            self.input.consume(count);
            skipped += count;
            if done {
                return Ok(skipped);
            }
        }
    }
}
