//! What a title demands of a number: more than, at least, between.

use super::words::Unit;

/// One end of a span, in millionths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct End {
    pub(super) micro: i128,
    /// Whether the number itself belongs to the span.
    pub(super) is_in: bool,
}

/// The numbers for which the answer is yes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) low: Option<End>,
    pub(super) high: Option<End>,
    pub(super) unit: Unit,
}

/// How two spans lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lie {
    /// The same numbers.
    Equal,
    /// The same but for one number at the edge of a quantity that moves in very small steps.
    EqualButEdge,
    /// Every number is in exactly one of them.
    Complement,
    /// Every number is, but for one at the edge of such a quantity.
    ComplementButEdge,
    /// The first lies inside the second.
    Inside,
    /// The second lies inside the first.
    Around,
    /// No number is in both.
    Disjoint,
    /// Some are.
    Overlap,
}

/// A low end as a place on the line: where it starts.
fn low_at(span: &Span) -> Option<i128> {
    span.low.map(|end| end.micro * 2 + i128::from(!end.is_in))
}

/// A high end as a place on the line: where it stops.
fn high_at(span: &Span) -> Option<i128> {
    span.high.map(|end| end.micro * 2 + i128::from(end.is_in))
}

fn is_inside(a: &Span, b: &Span) -> bool {
    let low = low_at(b).is_none_or(|b| low_at(a).is_some_and(|a| a >= b));
    let high = high_at(b).is_none_or(|b| high_at(a).is_some_and(|a| a <= b));
    low && high
}

fn is_disjoint(a: &Span, b: &Span) -> bool {
    let apart =
        |a: &Span, b: &Span| high_at(a).zip(low_at(b)).is_some_and(|(high, low)| high <= low);
    apart(a, b) || apart(b, a)
}

/// A price moves in small steps: whether it may equal the strike hardly matters, and is a state of
/// its own in the table. A count that is published in whole steps is another matter.
const fn is_fine(unit: Unit) -> bool {
    matches!(unit, Unit::Dollar)
}

/// Two ends at the same number, or, for fine quantities, one cent apart: "249.99" and "250".
fn is_same_edge(a: Option<End>, b: Option<End>, unit: Unit) -> bool {
    match (a, b) {
        (None, None) => true,
        (Some(a), Some(b)) => {
            a.micro == b.micro || (is_fine(unit) && a.micro.abs_diff(b.micro) <= 10_000)
        }
        _ => false,
    }
}

/// How `a` lies to `b`.
pub(super) fn lie(a: &Span, b: &Span) -> Lie {
    let fine = if a.unit == Unit::Dollar { a.unit } else { b.unit };
    if low_at(a) == low_at(b) && high_at(a) == high_at(b) {
        return Lie::Equal;
    }
    if is_fine(fine) && is_same_edge(a.low, b.low, fine) && is_same_edge(a.high, b.high, fine) {
        return Lie::EqualButEdge;
    }
    let is_mirror = |a: &Span, b: &Span| {
        let edges = a.low.is_none() && b.high.is_none() && a.high.is_some() && b.low.is_some();
        (
            edges && high_at(a) == low_at(b),
            edges && is_fine(fine) && is_same_edge(a.high, b.low, fine),
        )
    };
    for (exact, but_edge) in [is_mirror(a, b), is_mirror(b, a)] {
        if exact {
            return Lie::Complement;
        }
        if but_edge {
            return Lie::ComplementButEdge;
        }
    }
    if is_inside(a, b) {
        Lie::Inside
    } else if is_inside(b, a) {
        Lie::Around
    } else if is_disjoint(a, b) {
        Lie::Disjoint
    } else {
        Lie::Overlap
    }
}

impl Span {
    /// More than, or at least.
    pub(super) const fn from(micro: i128, is_in: bool, unit: Unit) -> Self {
        Self { low: Some(End { micro, is_in }), high: None, unit }
    }

    /// Less than, or at most.
    pub(super) const fn to(micro: i128, is_in: bool, unit: Unit) -> Self {
        Self { low: None, high: Some(End { micro, is_in }), unit }
    }

    /// Between two numbers, both included.
    pub(super) const fn between(low: i128, high: i128, unit: Unit) -> Self {
        Self {
            low: Some(End { micro: low, is_in: true }),
            high: Some(End { micro: high, is_in: true }),
            unit,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_lie_as_their_numbers_do() {
        let (more, least) =
            (|x| Span::from(x, false, Unit::Count), |x| Span::from(x, true, Unit::Count));
        let (less, most) =
            (|x| Span::to(x, false, Unit::Count), |x| Span::to(x, true, Unit::Count));
        let usd = |x, is_in| Span::from(x, is_in, Unit::Dollar);
        for (a, b, expected) in [
            (more(5), more(5), Lie::Equal),
            (more(5), least(5), Lie::Inside),
            (least(5), more(6), Lie::Around),
            (most(5), more(5), Lie::Complement),
            (less(5), more(5), Lie::Disjoint),
            (least(5), less(5), Lie::Complement),
            (usd(5, true), usd(5, false), Lie::EqualButEdge),
            (Span::to(5, false, Unit::Dollar), usd(5, false), Lie::ComplementButEdge),
            (Span::between(1, 4, Unit::Count), Span::between(5, 9, Unit::Count), Lie::Disjoint),
            (Span::between(1, 5, Unit::Count), Span::between(5, 9, Unit::Count), Lie::Overlap),
            (Span::between(6, 9, Unit::Count), more(5), Lie::Inside),
        ] {
            assert_eq!(lie(&a, &b), expected, "{a:?} {b:?}");
        }
    }
}
