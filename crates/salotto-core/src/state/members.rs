//! The members of a room, in order, in a list that is cheap to copy.

use std::sync::Arc;

use serde::ser::SerializeSeq;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::event::Card;
use crate::id::PersonId;
use crate::mode::Roles;

/// How many members one piece of the list holds at most.
const CHUNK_LEN: usize = 64;

/// Somebody in a room.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Member {
    /// Who.
    pub person: PersonId,
    /// What they may do in the room.
    pub roles: Roles,
    /// How others see them.
    pub card: Arc<Card>,
}

/// The members of a room, by ascending [`PersonId`].
///
/// Whoever comes into a room is sent the list as it is at that moment. So a copy shares the pieces of which the list is
/// made, and a change copies only the piece it changes, and that only while somebody still has an earlier list.
#[derive(Clone, Debug, Default)]
pub struct Members {
    /// None is empty.
    chunks: Vec<Arc<Vec<Member>>>,
}

impl Members {
    /// Takes somebody in, or replaces what is known of them.
    pub fn insert(&mut self, member: Member) {
        // Numbers of people grow, so nearly everybody comes at the end.
        let at = self.chunk_of(member.person).min(self.chunks.len().saturating_sub(1));
        let Some(chunk) = self.chunks.get_mut(at) else {
            return self.chunks.push(Arc::new(vec![member]));
        };
        match find(chunk, member.person) {
            Ok(found) => Arc::make_mut(chunk)[found] = member,
            // Behind everybody: what is full stays so.
            Err(CHUNK_LEN) => self.chunks.push(Arc::new(vec![member])),
            Err(_) if chunk.len() == CHUNK_LEN => {
                let chunk = Arc::make_mut(chunk);
                let behind = chunk.split_off(CHUNK_LEN / 2);
                chunk.shrink_to_fit();
                self.chunks.insert(at + 1, Arc::new(behind));
                self.insert(member);
            }
            Err(place) => {
                let chunk = Arc::make_mut(chunk);
                if chunk.len() == chunk.capacity() {
                    // By half, not to twice as much.
                    chunk.reserve_exact((chunk.len() / 2).clamp(1, CHUNK_LEN - chunk.len()));
                }
                chunk.insert(place, member);
            }
        }
    }

    /// Takes somebody out.
    pub fn remove(&mut self, person: PersonId) {
        let Some((at, place)) = self.find(person) else { return };
        let chunk = Arc::make_mut(&mut self.chunks[at]);
        chunk.remove(place);
        if chunk.len() < chunk.capacity() / 4 {
            chunk.shrink_to(chunk.len() * 2);
        }
        if chunk.is_empty() {
            self.chunks.remove(at);
        }
        // Where one of many stays, the list would become one of nearly empty pieces.
        self.join(at);
        self.join(at.saturating_sub(1));
    }

    /// Puts a piece and the next together, where they are small.
    fn join(&mut self, at: usize) {
        if let Some([chunk, next, ..]) = self.chunks.get_mut(at..)
            && chunk.len() + next.len() <= CHUNK_LEN / 2
        {
            Arc::make_mut(chunk).extend_from_slice(next);
            self.chunks.remove(at + 1);
        }
    }

    /// Somebody's entry, to be changed.
    pub fn get_mut(&mut self, person: PersonId) -> Option<&mut Member> {
        let (at, place) = self.find(person)?;
        Some(&mut Arc::make_mut(&mut self.chunks[at])[place])
    }

    /// What somebody may do in the room; `None` for who is not in it.
    pub fn roles(&self, person: PersonId) -> Option<Roles> {
        self.find(person).map(|(at, place)| self.chunks[at][place].roles)
    }

    /// Whether somebody is in the room.
    pub fn contains(&self, person: PersonId) -> bool {
        self.find(person).is_some()
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Member> {
        self.chunks.iter().flat_map(|chunk| chunk.iter())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.len()).sum()
    }

    /// Whether nobody is there.
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// The place of the first piece that does not end before somebody; behind all of them where there is none.
    fn chunk_of(&self, person: PersonId) -> usize {
        self.chunks.partition_point(|chunk| chunk.last().is_some_and(|member| member.person < person))
    }

    /// The place of somebody's piece, and of their entry in it.
    fn find(&self, person: PersonId) -> Option<(usize, usize)> {
        let at = self.chunk_of(person);
        Some((at, find(self.chunks.get(at)?, person).ok()?))
    }
}

fn find(chunk: &[Member], person: PersonId) -> Result<usize, usize> {
    chunk.binary_search_by_key(&person, |member| member.person)
}

impl PartialEq for Members {
    fn eq(&self, other: &Members) -> bool {
        self.iter().eq(other.iter())
    }
}

impl FromIterator<Member> for Members {
    fn from_iter<I: IntoIterator<Item = Member>>(members: I) -> Members {
        let mut all = Members::default();
        members.into_iter().for_each(|member| all.insert(member));
        all
    }
}

/// As a sequence: how the list is cut into pieces says nothing about the chat.
impl Serialize for Members {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut sequence = serializer.serialize_seq(Some(self.len()))?;
        self.iter().try_for_each(|member| sequence.serialize_element(member))?;
        sequence.end()
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Members, D::Error> {
        Ok(Vec::<Member>::deserialize(deserializer)?.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::name::Nick;

    fn member(person: u64, operator: bool) -> Member {
        let word: Arc<str> = "x".into();
        let card = Card {
            nick: Nick::new(&format!("n{person}")).expect("a name"),
            user: word.clone(),
            host: word.clone(),
            realname: word,
            account: None,
            bot: false,
        };
        Member { person: PersonId(person), roles: Roles { operator, voice: false }, card: Arc::new(card) }
    }

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Come,
        Return(u64),
        Go(u64),
        Change(u64),
        Copy,
    }

    fn step() -> impl Strategy<Value = Step> {
        let one = 0..400_u64;
        prop_oneof![
            4 => Just(Step::Come),
            2 => one.clone().prop_map(Step::Return),
            4 => one.clone().prop_map(Step::Go),
            1 => one.prop_map(Step::Change),
            1 => Just(Step::Copy),
        ]
    }

    fn check(members: &Members, tree: &BTreeMap<PersonId, Member>) {
        assert!(members.iter().eq(tree.values()));
        assert_eq!((members.len(), members.is_empty()), (tree.len(), tree.is_empty()));
        let lengths: Vec<usize> = members.chunks.iter().map(|chunk| chunk.len()).collect();
        assert!(lengths.iter().all(|len| (1..=CHUNK_LEN).contains(len)), "{lengths:?}");
        assert!(lengths.windows(2).all(|pair| pair[0] + pair[1] > CHUNK_LEN / 2), "{lengths:?}");
    }

    proptest! {
        #[test]
        fn they_are_what_a_tree_would_hold_and_copies_stay_as_they_were(
            begin in 0..300_u64,
            steps in prop::collection::vec(step(), 0..300),
        ) {
            let mut members: Members = (0..begin).map(|person| member(person, false)).collect();
            let mut tree: BTreeMap<_, _> = members.iter().map(|one| (one.person, one.clone())).collect();
            let mut copies = Vec::new();
            for step in steps {
                match step {
                    Step::Come | Step::Return(_) => {
                        let next = tree.last_key_value().map_or(0, |(last, _)| last.0 + 1);
                        let person = if let Step::Return(person) = step { person } else { next };
                        members.insert(member(person, true));
                        tree.insert(PersonId(person), member(person, true));
                    }
                    Step::Go(person) => {
                        members.remove(PersonId(person));
                        tree.remove(&PersonId(person));
                    }
                    Step::Change(person) => {
                        let both = (members.get_mut(PersonId(person)), tree.get_mut(&PersonId(person)));
                        prop_assert_eq!(both.0.is_some(), both.1.is_some());
                        if let (Some(one), Some(other)) = both {
                            one.roles.voice = true;
                            other.roles.voice = true;
                        }
                    }
                    Step::Copy => copies.push((members.clone(), tree.clone())),
                }
                check(&members, &tree);
            }
            for person in (0..400).map(PersonId) {
                prop_assert_eq!(members.contains(person), tree.contains_key(&person));
                prop_assert_eq!(members.roles(person), tree.get(&person).map(|member| member.roles));
            }
            let bytes = postcard::to_stdvec(&members).expect("bytes");
            prop_assert_eq!(postcard::from_bytes::<Members>(&bytes).expect("members"), members);
            copies.iter().for_each(|(copy, tree)| check(copy, tree));
        }
    }

    #[test]
    fn where_one_of_many_stays_the_list_stays_short() {
        let mut members = Members::default();
        for person in 0..6_400 {
            members.insert(member(person, false));
            if person % 64 > 0 {
                members.remove(PersonId(person - 1));
            }
        }
        assert_eq!(members.len(), 100);
        assert!(members.chunks.len() <= 8, "{} pieces", members.chunks.len());
        let kept: usize = members.chunks.iter().map(|chunk| chunk.capacity()).sum();
        assert!(kept <= 400, "room for {kept}");
    }
}
