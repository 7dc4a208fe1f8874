//! A list that is cheap to copy: whoever copies it shares all that is not changed afterwards.

use std::sync::Arc;

/// Elements that are copied together when one of them changes.
const CHUNK: usize = 256;

/// A list in shared chunks.
#[derive(Debug, Clone)]
pub(super) struct Chunked<T> {
    chunks: Vec<Arc<Vec<T>>>,
    len: usize,
}

impl<T> Default for Chunked<T> {
    fn default() -> Self {
        Self { chunks: Vec::new(), len: 0 }
    }
}

impl<T: Clone> Chunked<T> {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn get(&self, place: usize) -> Option<&T> {
        self.chunks.get(place / CHUNK)?.get(place % CHUNK)
    }

    pub(super) fn get_mut(&mut self, place: usize) -> Option<&mut T> {
        Arc::make_mut(self.chunks.get_mut(place / CHUNK)?).get_mut(place % CHUNK)
    }

    pub(super) fn push(&mut self, element: T) {
        match self.chunks.last_mut().filter(|last| last.len() < CHUNK) {
            Some(last) => Arc::make_mut(last).push(element),
            None => self.chunks.push(Arc::new(vec![element])),
        }
        self.len += 1;
    }

    /// Makes it at least `len` long.
    pub(super) fn grow(&mut self, len: usize, element: &T) {
        while self.len < len {
            self.push(element.clone());
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.chunks.iter().flat_map(|chunk| chunk.iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_stays_what_it_was() {
        let mut list = Chunked::default();
        list.grow(3 * CHUNK + 1, &0);
        let before = list.clone();
        for place in [0, CHUNK, 3 * CHUNK] {
            *list.get_mut(place).into_iter().next().unwrap_or(&mut 0) = place + 1;
        }
        list.push(7);
        assert_eq!((before.len(), list.len()), (3 * CHUNK + 1, 3 * CHUNK + 2));
        assert!(before.iter().all(|&element| element == 0));
        let changed: Vec<usize> = list.iter().copied().filter(|&element| element > 0).collect();
        assert_eq!(changed, [1, CHUNK + 1, 3 * CHUNK + 1, 7]);
        assert_eq!((list.get(3 * CHUNK + 1), list.get(3 * CHUNK + 2)), (Some(&7), None));
        let is_shared =
            list.chunks.iter().zip(&before.chunks).map(|(one, two)| Arc::ptr_eq(one, two));
        assert_eq!(is_shared.collect::<Vec<_>>(), [false, false, true, false]);
    }
}
