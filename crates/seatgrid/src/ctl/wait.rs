//! Waits for the end of an operation. Progress goes to standard error: one line drawn again and
//! again on a terminal, a line per change elsewhere. The operation does not need the waiting.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use operator::model::{OperationView, Progress};

use super::api::Api;
use super::fault::Fault;

/// Between two looks: a move of a replica takes seconds.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// The operation once it is over.
///
/// # Errors
/// [`Fault::Failed`] when it failed or was canceled, [`Fault::Unknown`] when it still goes on after
/// `timeout_s` or no unit answers.
pub(super) async fn for_end(api: &Api, id: u64, timeout_s: u64) -> Result<OperationView, Fault> {
    let until = Instant::now() + Duration::from_secs(timeout_s);
    let mut line = Line::new();
    loop {
        let asked = api.get::<OperationView>(&format!("operations/{id}")).await;
        let again = match &asked {
            Ok(operation) => {
                line.draw(&told(operation));
                !operation.state.is_over()
            }
            // A leader that dies meanwhile has a successor; the operation goes on with it.
            Err(fault) => {
                line.draw(&format!("operation {id}: {fault}"));
                true
            }
        };
        if !again {
            line.end();
            return over(asked?);
        }
        if Instant::now() >= until {
            line.end();
            let help = format!("it goes on: seatgrid ctl operation show {id}");
            return Err(Fault::Unknown(format!("not over in {timeout_s} s; {help}")));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn over(operation: OperationView) -> Result<OperationView, Fault> {
    let OperationView { id, what, note, .. } = &operation;
    match operation.state {
        Progress::Failed => Err(Fault::Failed(format!("operation {id} ({what}) failed: {note}"))),
        Progress::Canceled => Err(Fault::Failed(format!("operation {id} ({what}) was canceled"))),
        Progress::Done | Progress::Running | Progress::Paused => Ok(operation),
    }
}

/// As in `operation 7: drain node 2, running, 3 of 12 moves, shard 4 catches up`.
pub(super) fn told(operation: &OperationView) -> String {
    let OperationView { id, what, state, moves_done, moves_total, note, .. } = operation;
    let mut text = format!("operation {id}: {what}, {}", state.name());
    if *moves_total > 0 {
        text += &format!(", {moves_done} of {moves_total} moves");
    }
    if !note.is_empty() {
        text += &format!(", {note}");
    }
    text
}

/// The line of progress.
struct Line {
    is_terminal: bool,
    last: String,
}

impl Line {
    fn new() -> Self {
        Self { is_terminal: std::io::stderr().is_terminal(), last: String::new() }
    }

    fn draw(&mut self, text: &str) {
        if self.last == text {
            return;
        }
        // A closed standard error must not end the waiting.
        let mut error = std::io::stderr().lock();
        let _ = if self.is_terminal {
            write!(error, "\r\x1b[2K{text}").and_then(|()| error.flush())
        } else {
            writeln!(error, "{text}")
        };
        text.clone_into(&mut self.last);
    }

    fn end(&self) {
        if self.is_terminal && !self.last.is_empty() {
            let _ = writeln!(std::io::stderr().lock());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operation(state: Progress) -> OperationView {
        OperationView {
            id: 7,
            what: "drain node 2".to_owned(),
            state,
            moves_done: 3,
            moves_total: 12,
            note: "shard 4 catches up".to_owned(),
            began_ms: 0,
        }
    }

    #[test]
    fn progress_is_one_line() {
        let text = told(&operation(Progress::Running));
        assert_eq!(text, "operation 7: drain node 2, running, 3 of 12 moves, shard 4 catches up");
        let mut short = operation(Progress::Done);
        (short.moves_total, short.note) = (0, String::new());
        assert_eq!(told(&short), "operation 7: drain node 2, done");
    }

    #[test]
    fn only_a_good_end_is_a_success() {
        assert!(over(operation(Progress::Done)).is_ok());
        for state in [Progress::Failed, Progress::Canceled] {
            assert!(matches!(over(operation(state)), Err(Fault::Failed(_))), "{state:?}");
        }
    }
}
