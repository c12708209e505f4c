//! Ticket codes: the same for ever, readable, and of no use when anything in them was changed.

use box_office::ticket_code::{TicketClaim, TicketCodeError, TicketSigner};
use inventory::{EventNo, OrderId, SeatIx, TicketId};

fn claim() -> TicketClaim {
    let order = OrderId { event: EventNo(3), no: 41 };
    TicketClaim {
        ticket: TicketId { order, seat: SeatIx(7) },
        event_id: "demo-hall".into(),
        seat_id: "Партер-4-12".into(),
    }
}

#[test]
fn a_code_is_stable_and_says_what_it_is_for() {
    let signer = TicketSigner::new(&[5; 32]);
    let code = signer.code(&claim());
    assert_eq!(code, signer.code(&claim()));
    assert!(code.starts_with("SG1:t3-41-7:demo-hall:Партер-4-12:"), "{code}");
    assert_eq!(signer.verifier().verify(&code), Ok(claim()));
}

#[test]
fn a_changed_or_foreign_code_is_refused() {
    let signer = TicketSigner::new(&[5; 32]);
    let code = signer.code(&claim());
    let verifier = signer.verifier();
    let other_seat = code.replace("4-12", "4-13");
    assert_eq!(verifier.verify(&other_seat), Err(TicketCodeError::Signature));
    let stranger = TicketSigner::new(&[6; 32]).code(&claim());
    assert_eq!(verifier.verify(&stranger), Err(TicketCodeError::Signature));
    let unsigned = code.rsplit_once(':').unwrap().0;
    let long = "x".repeat(10_000);
    for nonsense in ["", "SG1", "SG1:a:b:c:d", unsigned, &code[1..], long.as_str()] {
        assert_eq!(verifier.verify(nonsense), Err(TicketCodeError::Form), "{nonsense}");
    }
}
