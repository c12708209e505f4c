//! The staff commands of the second oracle.

use inventory::*;

use super::{Answer, Coupon, Oracle, Owner, fee};

impl Oracle {
    pub(super) fn block(&mut self, set: &SeatSet) -> Answer {
        let seats = self.distinct(named(set))?;
        if seats.iter().any(|seat| self.owners[*seat] != Owner::Nobody) {
            return Err("SeatTaken");
        }
        seats.iter().for_each(|seat| self.owners[*seat] = Owner::Staff);
        Ok(format!("blocked {}", seats.len()))
    }

    pub(super) fn unblock(&mut self, set: &SeatSet) -> Answer {
        let seats = self.distinct(named(set))?;
        if seats.iter().any(|seat| self.owners[*seat] != Owner::Staff || self.gone[*seat]) {
            return Err("SeatsWrong");
        }
        seats.iter().for_each(|seat| self.owners[*seat] = Owner::Nobody);
        Ok(format!("unblocked {}", seats.len()))
    }

    pub(super) fn remove(&mut self, seats: &[SeatIx]) -> Answer {
        let seats = self.distinct(seats)?;
        let (mut holds, mut orders) = (vec![], vec![]);
        for seat in &seats {
            match self.owners[*seat] {
                Owner::Hold(no) => holds.push(no),
                Owner::Order(no) => orders.push(no),
                Owner::Nobody | Owner::Staff => {}
            }
        }
        for list in [&mut holds, &mut orders] {
            list.sort_unstable();
            list.dedup();
        }
        for no in &holds {
            let at = self.holds.iter().position(|hold| hold.no == *no).expect("an owner");
            self.end(at, "withdrawn");
        }
        let refunds: Vec<u64> =
            orders.iter().filter_map(|no| self.take_back(*no, &seats, 10_000).0).collect();
        for seat in &seats {
            (self.owners[*seat], self.gone[*seat]) = (Owner::Staff, true);
        }
        Ok(format!("removed {holds:?} {refunds:?}"))
    }

    fn owned(&self, no: u64) -> Result<usize, &'static str> {
        let at = self.orders.iter().position(|one| one.no == no).ok_or("OrderNotFound")?;
        match self.orders[at].status {
            OrderStatus::Paid | OrderStatus::PartiallyRefunded => Ok(at),
            _ => Err("OrderState"),
        }
    }

    pub(super) fn reassign(&mut self, c: &ReassignSeats) -> Answer {
        let at = self.owned(c.order.no)?;
        let (from, to): (Vec<SeatIx>, Vec<SeatIx>) = c.moves.iter().copied().unzip();
        let from = self.distinct(&from)?;
        let to = self.distinct(&to)?;
        let own = |seat: &usize| self.orders[at].seats.iter().any(|(one, _)| one == seat);
        if !from.iter().all(own) {
            return Err("SeatsInvalid");
        }
        let open = |seat: &usize| match self.owners[*seat] {
            Owner::Nobody => true,
            Owner::Staff => !self.gone[*seat],
            Owner::Hold(_) | Owner::Order(_) => false,
        };
        if !to.iter().all(open) {
            return Err("SeatsWrong");
        }
        let back = if c.block { Owner::Staff } else { Owner::Nobody };
        for (from, to) in &c.moves {
            let (from, to) = (from.0 as usize, to.0 as usize);
            self.owners[from] = back;
            self.owners[to] = Owner::Order(c.order.no);
            let seats = &mut self.orders[at].seats;
            let moved = seats.iter_mut().find(|(seat, _)| *seat == from).expect("its own");
            moved.0 = to;
        }
        Ok("SeatsReassigned".into())
    }

    pub(super) fn refund(&mut self, c: &RefundSeats) -> Answer {
        let at = self.owned(c.order.no)?;
        let own: Vec<usize> = self.orders[at].seats.iter().map(|(seat, _)| *seat).collect();
        let seats = match c.seats.is_empty() {
            true => own,
            false => {
                let wished = self.distinct(&c.seats)?;
                if !wished.iter().all(|seat| own.contains(seat)) {
                    return Err("SeatsInvalid");
                }
                wished
            }
        };
        let (refund, amount) = self.take_back(c.order.no, &seats, i64::from(c.share_basis_points));
        Ok(format!("refund {refund:?} {amount}"))
    }

    /// Takes seats of an order back, free, with a share of price and fee.
    fn take_back(&mut self, no: u64, seats: &[usize], share: i64) -> (Option<u64>, i64) {
        let at = self.orders.iter().position(|one| one.no == no).expect("an owner");
        let order = &mut self.orders[at];
        let (gone, kept): (Vec<_>, Vec<_>) =
            order.seats.iter().copied().partition(|(seat, _)| seats.contains(seat));
        let wish: i64 =
            gone.iter().map(|(_, p)| p * share / 10_000 + fee(*p) * share / 10_000).sum();
        let amount = wish.min(order.total - order.given_back);
        order.given_back += amount;
        order.status = match (kept.is_empty(), amount > 0) {
            (true, true) => OrderStatus::RefundPending,
            (true, false) => OrderStatus::Refunded,
            (false, _) => OrderStatus::PartiallyRefunded,
        };
        order.seats = kept;
        gone.iter().for_each(|(seat, _)| self.owners[*seat] = Owner::Nobody);
        let refund = (amount > 0).then(|| self.number());
        (refund, amount)
    }

    pub(super) fn set_limit(&mut self, c: &SetPersonLimit) -> String {
        self.limits.retain(|(person, _)| *person != c.person);
        self.limits.extend(c.max.map(|max| (c.person, usize::from(max))));
        "PersonLimitSet".into()
    }

    pub(super) fn put_codes(&mut self, codes: &[Code]) -> String {
        for code in codes {
            let CodeKind::Promo(discount) = code.kind else { panic!("no presale codes here") };
            let sold =
                self.codes.iter().find(|one| one.hash == code.hash).map_or(0, |one| one.sold);
            self.codes.retain(|one| one.hash != code.hash);
            self.codes.push(Coupon {
                hash: code.hash,
                basis_points: i64::from(discount.basis_points),
                until_ms: code.until_ms,
                seats_max: code.seats_max.map_or(usize::MAX, |max| max as usize),
                sold,
            });
        }
        "CodesPut".into()
    }

    pub(super) fn cancel_event(&mut self) -> String {
        if std::mem::replace(&mut self.cancelled, true) {
            return "cancelled 0 0 false".into();
        }
        self.line.clear();
        let live: Vec<usize> =
            (0..self.holds.len()).filter(|at| self.holds[*at].end.is_none()).collect();
        live.iter().for_each(|at| self.end(*at, "withdrawn"));
        let orders: Vec<u64> = self.orders.iter().map(|order| order.no).collect();
        let mut taken = 0;
        for no in orders {
            let Ok(at) = self.owned(no) else { continue };
            let seats: Vec<usize> = self.orders[at].seats.iter().map(|(seat, _)| *seat).collect();
            self.take_back(no, &seats, 10_000);
            taken += 1;
        }
        format!("cancelled {} {taken} false", live.len())
    }
}

fn named(set: &SeatSet) -> &[SeatIx] {
    match set {
        SeatSet::Seats(seats) => seats,
        SeatSet::Area { .. } => panic!("this hall has no area"),
    }
}
