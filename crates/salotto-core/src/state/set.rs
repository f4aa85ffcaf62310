//! A small ordered set.

use serde::{Deserialize, Serialize};

/// A set of a few things, in order. Most people have one session and some rooms: a sorted list costs a third of a
/// tree's first node, and finds as fast.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Set<T>(Vec<T>);

impl<T> Default for Set<T> {
    fn default() -> Set<T> {
        Set(Vec::new())
    }
}

impl<T: Ord> Set<T> {
    /// Adds something; says whether it is new.
    pub fn insert(&mut self, item: T) -> bool {
        match self.0.binary_search(&item) {
            Ok(_) => false,
            Err(at) => {
                if self.0.len() == self.0.capacity() {
                    // Doubling from one, not from four.
                    self.0.reserve_exact(self.0.len().max(1));
                }
                self.0.insert(at, item);
                true
            }
        }
    }

    /// Takes something out; says whether it was there.
    pub fn remove(&mut self, item: &T) -> bool {
        let found = self.0.binary_search(item);
        if let Ok(at) = found {
            self.0.remove(at);
        }
        found.is_ok()
    }

    /// Whether it is there.
    pub fn contains(&self, item: &T) -> bool {
        self.0.binary_search(item).is_ok()
    }

    /// Whether nothing is in both.
    pub fn is_disjoint(&self, other: &Set<T>) -> bool {
        let (few, many) = if self.len() <= other.len() { (self, other) } else { (other, self) };
        !few.iter().any(|item| many.contains(item))
    }

    /// The first.
    pub fn first(&self) -> Option<&T> {
        self.0.first()
    }

    /// All, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.0.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'a, T> IntoIterator for &'a Set<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_does_what_a_tree_does(steps: Vec<(bool, u8)>, others: Vec<u8>) {
            let (mut set, mut tree) = (Set::default(), BTreeSet::new());
            for (adds, item) in steps {
                if adds {
                    prop_assert_eq!(set.insert(item), tree.insert(item));
                } else {
                    prop_assert_eq!(set.remove(&item), tree.remove(&item));
                }
                prop_assert!(set.iter().eq(tree.iter()));
                prop_assert_eq!(set.first(), tree.first());
                prop_assert_eq!((set.len(), set.is_empty()), (tree.len(), tree.is_empty()));
                prop_assert_eq!(set.contains(&item), tree.contains(&item));
            }
            let mut other = Set::default();
            for item in &others {
                other.insert(*item);
            }
            prop_assert_eq!(set.is_disjoint(&other), tree.is_disjoint(&others.into_iter().collect()));
        }
    }
}
