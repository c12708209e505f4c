//! Which seats a wish gets, by listing seats row by row: the same words as the documents, nothing of
//! the crate's arithmetic on bits.

use inventory::*;

use super::{Oracle, Owner, Spot};

/// What may be given: the wish, and the seats that are free for it.
pub struct Wish<'a> {
    pub best: &'a Best,
    pub least_price: i64,
    pub free: Vec<bool>,
}

/// A row's seats that are free, and those of them that fit.
struct Line {
    row: usize,
    seats: Vec<usize>,
    fit: Vec<usize>,
}

impl Oracle {
    pub fn everybody(&self) -> bool {
        self.sale.rules.accessible_public_at_ms.is_some_and(|from| from <= self.now)
    }

    fn ordinary(spot: &Spot) -> bool {
        !spot.area && !spot.wheelchair && !spot.companion
    }

    /// Whether best available may give the seat to everybody.
    pub fn offered(&self, seat: usize) -> bool {
        let spot = &self.spots[seat];
        !spot.area && (Self::ordinary(spot) || self.everybody())
    }

    /// Whether a wish takes seats of a tier.
    pub fn wants(&self, wish: &Best, tier: usize) -> bool {
        (wish.tiers.is_empty() || wish.tiers.contains(&(tier as u16)))
            && wish.max_price_minor.is_none_or(|max| self.plan.tiers[tier].price_minor <= max)
    }

    /// Whether the seat waits for somebody in the list.
    pub fn kept(&self, seat: usize) -> bool {
        let tier = self.spots[seat].tier;
        let wanted = |one: &super::Waits| one.hold.is_none() && self.wants(&one.wish, tier);
        self.offered(seat) && self.line.iter().any(wanted)
    }

    /// Seats free for the public, those of a hold that is exchanged among them.
    pub fn available(&self, own: Option<u64>) -> Vec<bool> {
        let free = |seat: usize| match self.chairs[seat].owner {
            Owner::Nobody => !self.kept(seat),
            Owner::Hold(no) => own == Some(no),
            Owner::Order(_) | Owner::Staff => false,
        };
        (0..self.chairs.len()).map(free).collect()
    }

    fn distance(&self, seat: usize) -> Option<u64> {
        let (x, y) = self.plan.focal?;
        let at = self.spots[seat].at;
        let square = |a: i32, b: i32| (i64::from(a) - i64::from(b)).pow(2) as u64;
        Some(square(at.0, x) + square(at.1, y))
    }

    /// Rows in the order in which they are tried.
    fn rows(&self) -> Vec<Vec<usize>> {
        let mut rows: Vec<Vec<usize>> = vec![];
        for seat in 0..self.spots.len() {
            match rows.last_mut() {
                Some(row) if self.spots[row[0]].row == self.spots[seat].row => row.push(seat),
                Some(_) | None => rows.push(vec![seat]),
            }
        }
        rows.sort_by_key(|row| row.iter().filter_map(|seat| self.distance(*seat)).min());
        rows
    }

    fn fits(&self, wish: &Wish<'_>, seat: usize) -> bool {
        let spot = &self.spots[seat];
        let section = spot.section as u16;
        wish.free[seat]
            && (wish.best.sections.is_empty() || wish.best.sections.contains(&section))
            && self.wants(wish.best, spot.tier)
            && self.price(seat) >= wish.least_price
    }

    fn lines(&self, wish: &Wish<'_>, may: impl Fn(usize) -> bool) -> Vec<Line> {
        let line = |seats: Vec<usize>| Line {
            row: self.spots[seats[0]].row,
            fit: seats.iter().copied().filter(|at| may(*at) && self.fits(wish, *at)).collect(),
            seats,
        };
        self.rows().into_iter().map(line).filter(|line| !line.fit.is_empty()).collect()
    }

    /// The best seats, or `None` when there are too few.
    pub fn best(&self, wish: &Wish<'_>) -> Option<(Vec<usize>, HoldStep)> {
        let number = usize::from(wish.best.number);
        if wish.best.accessible > 0 {
            return self.with_wheelchairs(wish, number);
        }
        let lines = self.lines(wish, |seat| self.offered(seat));
        self.together(wish, &lines, number)
            .or_else(|| self.two_rows(&lines, number))
            .or_else(|| self.scattered(&lines, number))
    }

    /// Runs of so many neighbours among these seats, as first seats.
    fn runs(fit: &[usize], number: usize) -> Vec<usize> {
        let all = |first: &&usize| (0..number).all(|n| fit.contains(&(**first + n)));
        fit.iter().filter(all).copied().collect()
    }

    /// How far a run is from the focal point or from the middle of its row.
    fn far(&self, first: usize, number: usize) -> u64 {
        let last = first + number - 1;
        match (self.distance(first), self.distance(last)) {
            (Some(a), Some(b)) => a + b,
            _ => {
                let spot = &self.spots[first];
                (2 * spot.place + number).abs_diff(spot.row_len) as u64
            }
        }
    }

    fn nearest(&self, mut runs: Vec<usize>, number: usize) -> Option<usize> {
        runs.sort_by_key(|first| (self.far(*first, number), *first));
        runs.first().copied()
    }

    /// Whether taking a run leaves a free seat alone that was not alone before.
    fn orphans(wish: &Wish<'_>, line: &Line, (first, number): (usize, usize)) -> bool {
        let run = first..first + number;
        let alone = |seat: usize, free: &dyn Fn(usize) -> bool| {
            let beside = [seat.checked_sub(1), Some(seat + 1)].into_iter().flatten();
            free(seat) && !beside.filter(|at| line.seats.contains(at)).any(free)
        };
        let before = |seat: usize| wish.free[seat];
        let after = |seat: usize| wish.free[seat] && !run.contains(&seat);
        line.seats.iter().any(|seat| alone(*seat, &after) && !alone(*seat, &before))
    }

    fn together(
        &self,
        wish: &Wish<'_>,
        lines: &[Line],
        number: usize,
    ) -> Option<(Vec<usize>, HoldStep)> {
        let seats = |first: usize| (first..first + number).collect();
        if wish.best.prevent_orphans {
            for line in lines {
                let mut runs = Self::runs(&line.fit, number);
                runs.retain(|first| !Self::orphans(wish, line, (*first, number)));
                if let Some(first) = self.nearest(runs, number) {
                    return Some((seats(first), HoldStep::AdjacentNoOrphan));
                }
            }
        }
        let any = lines.iter().find_map(|line| self.nearest(Self::runs(&line.fit, number), number));
        any.map(|first| (seats(first), HoldStep::Adjacent))
    }

    /// Two parts, one behind the other, whose middles are at most one seat apart.
    fn two_rows(&self, lines: &[Line], number: usize) -> Option<(Vec<usize>, HoldStep)> {
        if number < 2 {
            return None;
        }
        let (more, less) = (number.div_ceil(2), number / 2);
        for front in lines {
            let section = self.spots[front.seats[0]].section;
            let next = |line: &&Line| {
                line.row == front.row + 1 && self.spots[line.seats[0]].section == section
            };
            let Some(behind) = lines.iter().find(next) else { continue };
            for (a, b) in [(more, less), (less, more)] {
                let partner = |first: usize| self.behind((front, first, a), (behind, b));
                let mut runs = Self::runs(&front.fit, a);
                runs.retain(|first| partner(*first).is_some());
                if let Some(first) = self.nearest(runs, a) {
                    let other = partner(first).expect("kept above");
                    let mut seats: Vec<usize> =
                        (first..first + a).chain(other..other + b).collect();
                    seats.sort_unstable();
                    return Some((seats, HoldStep::NeighbouringRows));
                }
            }
        }
        None
    }

    /// The run behind another one, the nearest to its middle, the left one of two.
    fn behind(
        &self,
        (front, first, a): (&Line, usize, usize),
        (line, b): (&Line, usize),
    ) -> Option<usize> {
        // Twice the distance from the row's middle.
        let off = |first: usize, number: usize, line: &Line| {
            let place = self.spots[first].place;
            (2 * place + number) as i64 - line.seats.len() as i64
        };
        let want = off(first, a, front);
        let mut runs = Self::runs(&line.fit, b);
        runs.retain(|first| (off(*first, b, line) - want).abs() <= 2);
        runs.sort_by_key(|first| ((off(*first, b, line) - want).abs(), *first));
        runs.first().copied()
    }

    /// As few and as long runs as there are.
    fn scattered(&self, lines: &[Line], number: usize) -> Option<(Vec<usize>, HoldStep)> {
        let mut left: Vec<Vec<usize>> = lines.iter().map(|line| line.fit.clone()).collect();
        if left.iter().map(Vec::len).sum::<usize>() < number {
            return None;
        }
        let mut seats: Vec<usize> = vec![];
        while seats.len() < number {
            let missing = number - seats.len();
            let length = (1..=missing)
                .rev()
                .find(|length| left.iter().any(|fit| !Self::runs(fit, *length).is_empty()))?;
            let fit = left.iter_mut().find(|fit| !Self::runs(fit, length).is_empty())?;
            let first = self.nearest(Self::runs(fit, length), length)?;
            fit.retain(|seat| !(first..first + length).contains(seat));
            seats.extend(first..first + length);
        }
        seats.sort_unstable();
        Some((seats, HoldStep::Split))
    }

    fn with_wheelchairs(&self, wish: &Wish<'_>, number: usize) -> Option<(Vec<usize>, HoldStep)> {
        let wheelchairs = usize::from(wish.best.accessible);
        let is_for = |seat: &usize| self.spots[*seat].wheelchair;
        let mut lines = self.lines(wish, |seat| !self.spots[seat].area);
        lines.retain(|line| line.fit.iter().any(is_for));
        for line in &lines {
            let mut runs = Self::runs(&line.fit, number);
            runs.retain(|first| (*first..first + number).filter(is_for).count() == wheelchairs);
            runs.sort_by_key(|first| {
                let run = *first..first + number;
                let plain = run.filter(|seat| Self::ordinary(&self.spots[*seat])).count();
                (plain, self.far(*first, number), *first)
            });
            if let Some(first) = runs.first() {
                return Some(((*first..first + number).collect(), HoldStep::Adjacent));
            }
        }
        let (mut seats, mut near, mut homes) = (vec![], vec![], vec![]);
        for line in &lines {
            if seats.len() == wheelchairs {
                break;
            }
            let missing = wheelchairs - seats.len();
            seats.extend(line.fit.iter().copied().filter(is_for).take(missing));
            near.extend(line.fit.iter().copied().filter(|at| self.spots[*at].companion));
            near.extend(line.fit.iter().copied().filter(|at| Self::ordinary(&self.spots[*at])));
            homes.push(line.row);
        }
        let elsewhere = self.lines(wish, |seat| Self::ordinary(&self.spots[seat]));
        let elsewhere = elsewhere.into_iter().filter(|line| !homes.contains(&line.row));
        near.extend(elsewhere.flat_map(|line| line.fit));
        if seats.len() < wheelchairs || near.len() < number - wheelchairs {
            return None;
        }
        seats.extend(near.into_iter().take(number - wheelchairs));
        seats.sort_unstable();
        Some((seats, HoldStep::Split))
    }
}
