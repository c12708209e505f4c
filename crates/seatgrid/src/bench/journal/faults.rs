//! What contradicts an honest history, by what it means for a shopper. Filled by the checks of a
//! journal, counted and shown by the verdict; decides nothing.

/// What a contradiction means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Something acknowledged is not there at the end.
    Lost,
    /// A seat, or a hold, has two owners.
    Twice,
    /// An answer that an earlier one had overtaken, or answers of a seat that no order explains.
    Stale,
}

/// All that was found.
#[derive(Debug, Default)]
pub struct Faults(Vec<(Kind, String)>);

impl Faults {
    /// Remembers one.
    pub fn add(&mut self, kind: Kind, words: String) {
        self.0.push((kind, words));
    }

    /// How many in all.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// How many of a kind.
    pub fn count(&self, kind: Kind) -> usize {
        self.0.iter().filter(|fault| fault.0 == kind).count()
    }

    /// The first so many, in words.
    pub fn words(self, most: usize) -> Vec<String> {
        self.0.into_iter().map(|fault| fault.1).take(most).collect()
    }
}
