//! How an order can end badly, and the exit code of each way. Scripts branch on the code.

use std::process::ExitCode;

use crate::one_line::one_line;

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault {
    /// It did not work; nothing happened.
    #[error("{0}")]
    Failed(String),
    /// It would cost service or data now; the text says what makes it safe.
    #[error("refused: {0}")]
    Refused(String),
    /// It may have happened, or still goes on.
    #[error("outcome unknown: {0}")]
    Unknown(String),
}

impl Fault {
    /// 1, 3 or 4; 2 is for what cannot be parsed.
    pub(super) fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.code())
    }

    fn code(&self) -> u8 {
        match self {
            Self::Failed(_) => 1,
            Self::Refused(_) => 3,
            Self::Unknown(_) => 4,
        }
    }
}

impl From<anyhow::Error> for Fault {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(one_line(&error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_can_tell_the_ends_apart() {
        let text = String::new;
        let faults = [Fault::Failed(text()), Fault::Refused(text()), Fault::Unknown(text())];
        assert_eq!(faults.map(|fault| fault.code()), [1, 3, 4]);
    }
}
