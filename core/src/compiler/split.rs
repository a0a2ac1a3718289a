//! Relations that share books, as clusters that a search can take: whole ones, and parts of those that
//! are too large.
//!
//! A part is grown from one relation by those that share books with what it has, as long as they fit.
//! Every relation of a large cluster begins or joins a part, and parts overlap: a basket over relations
//! that lie close together is found; one that needs all ends of a large cluster is not.

use std::collections::{BTreeMap, BTreeSet};

use dutchbook_book::BookId;

/// Relations by their numbers, with the books that they are about.
pub(super) type Members = Vec<(usize, BTreeSet<BookId>)>;

/// The clusters, each of several relations and at most `books_max` books; and how many connected ones
/// were larger and have been divided.
pub(super) fn clusters(members: &Members, books_max: usize) -> (Vec<Vec<usize>>, u64) {
    let mut at: BTreeMap<BookId, Vec<usize>> = BTreeMap::new();
    for (index, (_, books)) in members.iter().enumerate() {
        for book in books {
            at.entry(*book).or_default().push(index);
        }
    }
    let (mut clusters, mut divided) = (Vec::new(), 0);
    let mut is_taken = vec![false; members.len()];
    for seed in 0..members.len() {
        if is_taken.get(seed).is_none_or(|taken| *taken) {
            continue;
        }
        let whole = grow(seed, members, &at, usize::MAX);
        let books: BTreeSet<BookId> = books_of(&whole, members);
        divided += u64::from(books.len() > books_max);
        for &index in &whole {
            if is_taken.get(index).is_none_or(|taken| *taken) {
                continue;
            }
            let part = grow(index, members, &at, books_max);
            for &index in &part {
                if let Some(taken) = is_taken.get_mut(index) {
                    *taken = true;
                }
            }
            let mut numbers: Vec<usize> =
                part.iter().filter_map(|index| Some(members.get(*index)?.0)).collect();
            numbers.sort_unstable();
            let is_small = books_of(&part, members).len() <= books_max;
            if numbers.len() > 1 && is_small {
                clusters.push(numbers);
            }
        }
    }
    (clusters, divided)
}

fn books_of(part: &[usize], members: &Members) -> BTreeSet<BookId> {
    let sets = part.iter().filter_map(|index| members.get(*index));
    sets.flat_map(|(_, books)| books.iter().copied()).collect()
}

/// What hangs together with a relation, nearest first, as far as its books fit.
fn grow(
    seed: usize,
    members: &Members,
    at: &BTreeMap<BookId, Vec<usize>>,
    books_max: usize,
) -> Vec<usize> {
    let Some((_, books)) = members.get(seed) else { return Vec::new() };
    let mut books = books.clone();
    let mut known = BTreeSet::from([seed]);
    let (mut part, mut next) = (vec![seed], 0);
    while let Some(&index) = part.get(next) {
        next += 1;
        let own = members.get(index).map(|(_, books)| books);
        let near = own.into_iter().flatten().filter_map(|book| at.get(book)).flatten();
        for &other in near {
            let Some((_, theirs)) = members.get(other) else { continue };
            let more = theirs.difference(&books).count();
            if known.contains(&other) || books.len().saturating_add(more) > books_max {
                continue;
            }
            known.insert(other);
            books.extend(theirs);
            part.push(other);
        }
    }
    part
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(list: &[&[u32]]) -> Members {
        let books = |ids: &&[u32]| ids.iter().map(|id| BookId(*id)).collect();
        list.iter().map(books).enumerate().collect()
    }

    #[test]
    fn what_shares_books_hangs_together_and_what_stands_alone_is_left_out() {
        let members = members(&[&[1, 2], &[2, 3], &[7, 8], &[9, 10], &[8, 11]]);
        assert_eq!(clusters(&members, 48), (vec![vec![0, 1], vec![2, 4]], 0));
    }

    #[test]
    fn a_large_cluster_is_divided_into_parts_that_fit_and_miss_no_relation() {
        let chain: Vec<[u32; 2]> = (0..200).map(|at| [at, at + 1]).collect();
        let chain: Vec<&[u32]> = chain.iter().map(<[u32; 2]>::as_slice).collect();
        let members = members(&chain);
        let (parts, divided) = clusters(&members, 48);
        assert_eq!(divided, 1);
        let seen: BTreeSet<usize> = parts.iter().flatten().copied().collect();
        assert_eq!(seen.len(), 200);
        for part in &parts {
            assert!(part.len() > 1 && books_of(part, &members).len() <= 48);
        }
    }

    #[test]
    fn one_relation_that_is_too_large_by_itself_takes_no_part() {
        let large: Vec<u32> = (0..60).collect();
        let members = members(&[&large, &[1, 2], &[2, 70]]);
        assert_eq!(clusters(&members, 48), (vec![vec![1, 2]], 1));
    }
}
