//! The roles that a process of this binary can have under a supervisor, their names, and the order
//! in which they stop. Names appear in `processes.json`, file names and environment variables, so
//! they never change.

use std::fmt;

/// What a child process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// The HTTP edge.
    Router,
    /// Catalogue and checkout.
    Office,
    /// Background work on money and messages.
    Worker,
    /// Write-behind to PostgreSQL.
    Writer,
    /// A processing unit: seats in memory, replicated.
    Unit,
    /// The test payment gateway and mailbox.
    Sandbox,
}

impl Role {
    /// In the order of stopping: first what takes orders in, last what everybody leans on.
    pub const STOP_ORDER: [Self; 6] =
        [Self::Router, Self::Office, Self::Worker, Self::Writer, Self::Unit, Self::Sandbox];

    /// The subcommand, and the name in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Router => "router",
            Self::Office => "office",
            Self::Worker => "worker",
            Self::Writer => "writer",
            Self::Unit => "unit",
            Self::Sandbox => "sandbox",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
