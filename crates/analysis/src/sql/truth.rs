//! Conditions that are always true: `1=1`, `OR true`, `x = x`.
//!
//! Constant folding only, never complete: a condition that is not recognised counts as a filter.

use sqlparser::ast::{BinaryOperator, Expr, SetExpr, UnaryOperator, Value, visit_expressions};
use std::ops::ControlFlow;

/// How many levels of nesting are folded; anything deeper is taken to be always true.
const MAX_DEPTH: usize = 64;

/// Whether `condition` holds for every row.
pub(super) fn is_always_true(condition: &Expr) -> bool {
    truth(condition, 0) == Some(true)
}

/// The value of a condition, where it does not depend on the row.
fn truth(condition: &Expr, depth: usize) -> Option<bool> {
    if depth > MAX_DEPTH {
        return Some(true);
    }
    let next = depth + 1;
    match condition {
        Expr::Nested(inner) | Expr::IsTrue(inner) | Expr::IsNotFalse(inner) => truth(inner, next),
        Expr::UnaryOp { op: UnaryOperator::Not, expr } => truth(expr, next).map(|value| !value),
        Expr::IsFalse(inner) | Expr::IsNotTrue(inner) => truth(inner, next).map(|value| !value),
        Expr::BinaryOp { op: op @ (BinaryOperator::Or | BinaryOperator::And), .. } => {
            of_chain(condition, op, next)
        }
        Expr::BinaryOp { left, op, right } => of_comparison(left, op, right, next),
        Expr::IsNotNull(inner) => constant(inner, next).map(|_| true),
        Expr::Between { expr, negated: false, low, high } => Some(
            constant(low, next)?.number()? <= constant(expr, next)?.number()?
                && constant(expr, next)?.number()? <= constant(high, next)?.number()?,
        ),
        Expr::InList { expr, list, negated: false } => list.contains(expr).then_some(true),
        Expr::Like { negated: false, expr, pattern, .. }
        | Expr::ILike { negated: false, expr, pattern, .. } => {
            let matches_all = matches!(constant(pattern, next), Some(Constant::Text(text)) if text.bytes().all(|b| b == b'%') && !text.is_empty());
            (matches_all || expr == pattern).then_some(true)
        }
        Expr::Exists { subquery, negated } => {
            let SetExpr::Select(select) = subquery.body.as_ref() else { return None };
            (select.from.is_empty() && select.selection.is_none()).then_some(!negated)
        }
        other => constant(other, next)?.truth(),
    }
}

/// `a OR b OR c` or `a AND b AND c`, walked without recursion along the chain.
fn of_chain(chain: &Expr, joined_by: &BinaryOperator, depth: usize) -> Option<bool> {
    let deciding = *joined_by == BinaryOperator::Or;
    let mut undecided = false;
    let mut terms: Vec<&Expr> = Vec::new();
    let mut rest = chain;
    loop {
        let (term, more) = match rest {
            Expr::BinaryOp { left, op, right } if op == joined_by => (right.as_ref(), Some(left.as_ref())),
            last => (last, None),
        };
        match truth(term, depth) {
            Some(value) if value == deciding => return Some(deciding),
            Some(_) => {}
            None => undecided = true,
        }
        terms.push(term);
        match more {
            Some(left) => rest = left,
            None => break,
        }
    }
    if deciding && terms.len() <= MAX_DEPTH && has_opposites(&terms) {
        return Some(true);
    }
    if undecided { None } else { Some(!deciding) }
}

/// `x IS NULL OR x IS NOT NULL`, `x = 1 OR x <> 1`.
fn has_opposites(terms: &[&Expr]) -> bool {
    terms
        .iter()
        .enumerate()
        .any(|(index, term)| terms.iter().skip(index + 1).any(|other| are_opposites(term, other)))
}

fn are_opposites(one: &Expr, other: &Expr) -> bool {
    match (one, other) {
        (Expr::IsNull(a), Expr::IsNotNull(b)) | (Expr::IsNotNull(a), Expr::IsNull(b)) => a == b,
        (Expr::BinaryOp { left: a, op, right: b }, Expr::BinaryOp { left: c, op: negated, right: d }) => {
            matches!(
                (op, negated),
                (BinaryOperator::Eq, BinaryOperator::NotEq) | (BinaryOperator::NotEq, BinaryOperator::Eq)
            ) && a == c
                && b == d
        }
        (Expr::UnaryOp { op: UnaryOperator::Not, expr }, plain)
        | (plain, Expr::UnaryOp { op: UnaryOperator::Not, expr }) => {
            without_nesting(expr) == without_nesting(plain)
        }
        _ => false,
    }
}

fn without_nesting(mut expr: &Expr) -> &Expr {
    while let Expr::Nested(inner) = expr {
        expr = inner;
    }
    expr
}

fn of_comparison(left: &Expr, op: &BinaryOperator, right: &Expr, depth: usize) -> Option<bool> {
    use BinaryOperator::{Eq, Gt, GtEq, Lt, LtEq, NotEq, Spaceship};
    if !matches!(op, Eq | Gt | GtEq | Lt | LtEq | NotEq | Spaceship) {
        return None;
    }
    if let (Some(left), Some(right)) = (constant(left, depth), constant(right, depth)) {
        let order = left.compare(&right)?;
        return Some(match op {
            Eq | Spaceship => order.is_eq(),
            NotEq => order.is_ne(),
            Lt => order.is_lt(),
            LtEq => order.is_le(),
            Gt => order.is_gt(),
            _ => order.is_ge(),
        });
    }
    let reflexive = matches!(op, Eq | GtEq | LtEq | Spaceship);
    (reflexive && without_nesting(left) == without_nesting(right) && !calls_functions(left)).then_some(true)
}

fn calls_functions(expr: &Expr) -> bool {
    visit_expressions(expr, |inner| {
        if matches!(inner, Expr::Function(_) | Expr::Subquery(_)) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    })
    .is_break()
}

/// A value that does not depend on the row.
enum Constant {
    Bool(bool),
    Number(f64),
    Text(String),
}

impl Constant {
    fn truth(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            Self::Number(value) => Some(*value != 0.0),
            Self::Text(text) => match text.to_ascii_lowercase().as_str() {
                "t" | "true" | "y" | "yes" | "on" => Some(true),
                other => other.parse::<f64>().ok().map(|value| value != 0.0),
            },
        }
    }

    fn number(&self) -> Option<f64> {
        match self {
            Self::Bool(value) => Some(f64::from(u8::from(*value))),
            Self::Number(value) => Some(*value),
            Self::Text(text) => text.trim().parse().ok(),
        }
    }

    fn compare(&self, other: &Self) -> Option<std::cmp::Ordering> {
        match (self, other) {
            (Self::Text(left), Self::Text(right)) => Some(left.cmp(right)),
            _ => self.number()?.partial_cmp(&other.number()?),
        }
    }
}

fn constant(expr: &Expr, depth: usize) -> Option<Constant> {
    if depth > MAX_DEPTH {
        return None;
    }
    let next = depth + 1;
    match expr {
        Expr::Nested(inner) | Expr::Cast { expr: inner, .. } | Expr::Collate { expr: inner, .. } => {
            constant(inner, next)
        }
        Expr::Value(value) => of_literal(&value.value),
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => {
            Some(Constant::Number(-constant(expr, next)?.number()?))
        }
        Expr::UnaryOp { op: UnaryOperator::Plus, expr } => constant(expr, next),
        Expr::UnaryOp { op: UnaryOperator::Not, expr } => {
            Some(Constant::Bool(!constant(expr, next)?.truth()?))
        }
        Expr::BinaryOp { left, op, right } => of_arithmetic(left, op, right, next),
        _ => None,
    }
}

fn of_literal(value: &Value) -> Option<Constant> {
    match value {
        Value::Boolean(value) => Some(Constant::Bool(*value)),
        Value::Number(text, _) => text.parse().ok().map(Constant::Number),
        Value::SingleQuotedString(text)
        | Value::DoubleQuotedString(text)
        | Value::NationalStringLiteral(text)
        | Value::EscapedStringLiteral(text)
        | Value::HexStringLiteral(text) => Some(Constant::Text(text.clone())),
        _ => None,
    }
}

fn of_arithmetic(left: &Expr, op: &BinaryOperator, right: &Expr, depth: usize) -> Option<Constant> {
    let (left, right) = (constant(left, depth)?, constant(right, depth)?);
    if let (BinaryOperator::StringConcat, Constant::Text(left), Constant::Text(right)) = (op, &left, &right) {
        return Some(Constant::Text(format!("{left}{right}")));
    }
    let (left, right) = (left.number()?, right.number()?);
    match op {
        BinaryOperator::Plus => Some(Constant::Number(left + right)),
        BinaryOperator::Minus => Some(Constant::Number(left - right)),
        BinaryOperator::Multiply => Some(Constant::Number(left * right)),
        BinaryOperator::Divide if right != 0.0 => Some(Constant::Number(left / right)),
        _ => None,
    }
}
