//! Rewrites one source file so that each of its mutations is chosen when the program runs:
//! `a + b` becomes `(if on(7) { a - b } else { a + b })`. What stands in a constant has no run time
//! and is left alone; so is what does not compile this way.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use crate::list::Mutant;

/// A file with switches.
pub struct Switched {
    /// Its text.
    pub text: String,
    /// Mutations that are in it, with the part of `text` that is theirs.
    pub parts: Vec<(Range<usize>, Vec<usize>)>,
}

/// A place of the source with its mutations.
enum Edit {
    /// Alternatives of a whole expression, as texts.
    Instead(Vec<(usize, String)>),
    /// Put before: a function's other body.
    Return(usize, String),
    /// A body that is an iterator of a type without a name: nothing of it is taken.
    Empty(usize),
    /// A condition that makes a match arm vanish.
    NoArm(usize),
    /// A guard: the mutations that make it true, and false.
    Guard(Vec<usize>, Vec<usize>),
    /// A field's value, from the rest instead; whether its name has to be written.
    Field(usize, String, Option<String>),
}

/// Puts the file's mutations behind switches, without those of `out`.
pub fn switch(source: &str, mutants: &[&Mutant], out: &BTreeSet<usize>) -> syn::Result<Switched> {
    let file = syn::parse_file(source)?;
    let mut by_start = BTreeMap::<(usize, usize), Vec<&Mutant>>::new();
    for mutant in mutants.iter().filter(|mutant| !out.contains(&mutant.id)) {
        by_start.entry(mutant.start).or_default().push(mutant);
    }
    let mut finder = Finder { source, by_start, edits: vec![] };
    finder.visit_file(&file);
    finder.bodies();
    // The outer before the inner; what is put before a place comes before what replaces it.
    let rank = |edit: &Edit| u8::from(!matches!(edit, Edit::Return(..)));
    finder
        .edits
        .sort_by_key(|(range, edit)| (range.start, rank(edit), std::cmp::Reverse(range.end)));
    let mut writer = Writer { source, edits: &finder.edits, text: String::new(), parts: vec![] };
    writer.range(0..source.len(), 0);
    Ok(Switched { text: writer.text, parts: writer.parts })
}

struct Finder<'a> {
    source: &'a str,
    by_start: BTreeMap<(usize, usize), Vec<&'a Mutant>>,
    edits: Vec<(Range<usize>, Edit)>,
}

impl<'a> Finder<'a> {
    /// Mutations of a kind that begin where the node begins.
    fn at(&self, node: &impl Spanned, genre: &str) -> Vec<&'a Mutant> {
        let start = node.span().start();
        let known = self.by_start.get(&(start.line, start.column + 1));
        known.into_iter().flatten().filter(|mutant| mutant.genre == genre).copied().collect()
    }

    fn text(&self, node: &impl Spanned) -> &'a str {
        &self.source[node.span().byte_range()]
    }

    /// Other bodies of functions stand before their first statement.
    fn bodies(&mut self) {
        let lines: Vec<usize> = std::iter::once(0)
            .chain(self.source.match_indices('\n').map(|(at, _)| at + 1))
            .collect();
        for mutant in self.by_start.values().flatten().filter(|one| one.genre == "FnValue") {
            let at = |(line, column): (usize, usize)| {
                let rest = &self.source[lines[line - 1]..];
                let skipped: usize = rest.chars().take(column - 1).map(char::len_utf8).sum();
                lines[line - 1] + skipped
            };
            let (start, end) = (at(mutant.start), at(mutant.end));
            if mutant.replacement == "::std::iter::empty()" {
                self.edits.push((start..end, Edit::Empty(mutant.id)));
            } else if !mutant.replacement.starts_with("::std::iter") {
                let edit = Edit::Return(mutant.id, mutant.replacement.clone());
                self.edits.push((start..start, edit));
            }
        }
    }
}

fn has_let(expr: &syn::Expr) -> bool {
    match expr {
        syn::Expr::Let(_) => true,
        syn::Expr::Binary(both) => has_let(&both.left) || has_let(&both.right),
        syn::Expr::Paren(inner) => has_let(&inner.expr),
        _ => false,
    }
}

impl<'ast> Visit<'ast> for Finder<'_> {
    fn visit_expr_binary(&mut self, node: &'ast syn::ExprBinary) {
        let mutants = self.at(&node.op, "BinaryOperator");
        if !mutants.is_empty() && !has_let(&node.left) && !has_let(&node.right) {
            let (left, right) = (self.text(&*node.left), self.text(&*node.right));
            let other = |one: &&Mutant| (one.id, format!("{left} {} {right}", one.replacement));
            let others = mutants.iter().map(other).collect();
            self.edits.push((node.span().byte_range(), Edit::Instead(others)));
        }
        visit::visit_expr_binary(self, node);
    }

    fn visit_expr_unary(&mut self, node: &'ast syn::ExprUnary) {
        for mutant in self.at(&node.op, "UnaryOperator") {
            let other = vec![(mutant.id, self.text(&*node.expr).to_owned())];
            self.edits.push((node.span().byte_range(), Edit::Instead(other)));
        }
        visit::visit_expr_unary(self, node);
    }

    fn visit_arm(&mut self, node: &'ast syn::Arm) {
        if let Some((_, guard)) = &node.guard {
            let all = self.at(&**guard, "MatchArmGuard");
            let of = |text: &str| {
                all.iter().filter(|one| one.replacement == text).map(|one| one.id).collect()
            };
            if !all.is_empty() && !has_let(guard) {
                let edit = Edit::Guard(of("true"), of("false"));
                self.edits.push((guard.span().byte_range(), edit));
            }
        }
        visit::visit_arm(self, node);
    }

    fn visit_expr_match(&mut self, node: &'ast syn::ExprMatch) {
        // Without an arm for all the rest, a match that lacks one does not compile.
        let rest = |arm: &syn::Arm| arm.guard.is_none() && matches!(arm.pat, syn::Pat::Wild(_));
        for arm in node.arms.iter().filter(|arm| arm.guard.is_none()) {
            if let Some(mutant) = self.at(arm, "MatchArm").first()
                && node.arms.iter().any(rest)
            {
                let end = arm.pat.span().byte_range().end;
                self.edits.push((end..end, Edit::NoArm(mutant.id)));
            }
        }
        visit::visit_expr_match(self, node);
    }

    fn visit_expr_struct(&mut self, node: &'ast syn::ExprStruct) {
        for field in &node.fields {
            let (Some(mutant), Some(rest)) =
                (self.at(field, "StructField").first().copied(), &node.rest)
            else {
                continue;
            };
            let name = self.text(&field.member).to_owned();
            let value = format!("({}).{name}.clone()", self.text(&**rest));
            let written = field.colon_token.is_none().then_some(name);
            let range = field.expr.span().byte_range();
            self.edits.push((range, Edit::Field(mutant.id, value, written)));
        }
        visit::visit_expr_struct(self, node);
    }

    fn visit_item_const(&mut self, _: &'ast syn::ItemConst) {}

    fn visit_impl_item_const(&mut self, _: &'ast syn::ImplItemConst) {}
}

struct Writer<'a> {
    source: &'a str,
    edits: &'a [(Range<usize>, Edit)],
    text: String,
    parts: Vec<(Range<usize>, Vec<usize>)>,
}

impl Writer<'_> {
    /// Writes a part of the source with the edits inside it, from the `next` one on.
    fn range(&mut self, range: Range<usize>, mut next: usize) {
        let mut at = range.start;
        while let Some((place, edit)) = self.edits.get(next) {
            if place.start >= range.end {
                break;
            }
            if place.start < at {
                // Written inside the one before.
                next += 1;
                continue;
            }
            self.text.push_str(&self.source[at..place.start]);
            self.edit(place.clone(), edit, next + 1);
            at = place.end;
            next += 1;
        }
        self.text.push_str(&self.source[at..range.end]);
    }

    fn on(&mut self, id: usize) {
        self.text.push_str(&format!("crate::mutant::on({id})"));
    }

    fn edit(&mut self, place: Range<usize>, edit: &Edit, inner: usize) {
        let start = self.text.len();
        let ids = match edit {
            Edit::Instead(others) => {
                self.text.push('(');
                for (id, other) in others {
                    self.choice(*id, other);
                }
                self.text.push_str("{ ");
                self.range(place, inner);
                self.text.push_str(" })");
                others.iter().map(|(id, _)| *id).collect()
            }
            Edit::Return(id, other) => {
                self.text.push_str("if ");
                self.on(*id);
                self.text.push_str(&format!(" {{ return {other}; }} "));
                vec![*id]
            }
            Edit::Empty(id) => {
                self.text.push_str("({ ");
                self.range(place, inner);
                self.text.push_str(" }).take(if ");
                self.on(*id);
                self.text.push_str(" { 0 } else { usize::MAX })");
                vec![*id]
            }
            Edit::NoArm(id) => {
                self.text.push_str(" if !");
                self.on(*id);
                vec![*id]
            }
            Edit::Guard(always, never) => {
                self.text.push_str("(false");
                for id in always {
                    self.text.push_str(" || ");
                    self.on(*id);
                }
                self.text.push_str(" || (true");
                for id in never {
                    self.text.push_str(" && !");
                    self.on(*id);
                }
                self.text.push_str(" && (");
                self.range(place, inner);
                self.text.push_str(")))");
                always.iter().chain(never).copied().collect()
            }
            Edit::Field(id, other, written) => {
                if let Some(name) = written {
                    self.text.push_str(&format!("{name}: "));
                }
                self.text.push('(');
                self.choice(*id, other);
                self.text.push_str("{ ");
                self.range(place, inner);
                self.text.push_str(" })");
                vec![*id]
            }
        };
        self.parts.push((start..self.text.len(), ids));
    }

    fn choice(&mut self, id: usize, other: &str) {
        self.text.push_str("if ");
        self.on(id);
        let start = self.text.len();
        self.text.push_str(&format!(" {{ {other} }} else "));
        self.parts.push((start..self.text.len(), vec![id]));
    }
}
