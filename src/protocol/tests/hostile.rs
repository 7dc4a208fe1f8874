//! Bytes from strangers: random, cut short, changed. Never a panic, never much memory.

use std::mem::size_of;

use proptest::collection::vec;
use proptest::prelude::*;

use super::super::*;
use super::body;
use super::oracle;

/// What a frame of one byte may cost at most; the largest element is a use, the smallest encoding
/// of one is a byte, and a vector may be twice as large as it must.
const HEAP_PER_BYTE: usize = 2 * size_of::<Use<&str>>();

/// What a request may cost at most, in bytes: its lines, in a vector twice as large as it must be.
const REQUEST_HEAP_MAX: usize = 32 * 1024;

fn heap<T, const N: usize>(many: &smallvec::SmallVec<[T; N]>) -> usize
where
    [T; N]: smallvec::Array<Item = T>,
{
    if many.spilled() { many.capacity() * size_of::<T>() } else { 0 }
}

fn heap_of_vec<T>(many: &Vec<T>) -> usize {
    many.capacity() * size_of::<T>()
}

fn request_heap(request: &Request<&str>) -> usize {
    let of_order = |order: &Order<&str>| heap(&order.customer_groups) + heap(&order.lines);
    match request {
        Request::Validate(m) => heap(&m.codes) + of_order(&m.order),
        Request::Redeem(m) => heap(&m.codes) + of_order(&m.order),
        Request::Hold(m) => heap(&m.codes) + of_order(&m.order),
        Request::Release(m) => heap(&m.codes),
        Request::Hello(_)
        | Request::Confirm(_)
        | Request::Extend(_)
        | Request::Status(_)
        | Request::Code(_)
        | Request::Ping => 0,
    }
}

fn reply_heap(reply: &Reply<&str>) -> usize {
    if let Reply::Accepted(accepted) = reply {
        let of_use = |one: &Use<&str>| {
            heap(&one.products)
                + heap_of_vec(&one.details.switches)
                + heap_of_vec(&one.details.lines_minor)
        };
        let uses: usize = accepted.uses.iter().map(of_use).sum();
        heap(&accepted.uses) + uses + heap_of_vec(&accepted.left_out)
    } else {
        0
    }
}

/// Reads `bytes` in every way; gives the larger of the two memory uses.
fn read(bytes: &[u8]) {
    for frame in Frames::new(bytes).take_while(Result::is_ok).flatten() {
        decode(frame);
    }
    decode(bytes);
}

fn decode(bytes: &[u8]) {
    let allowed = HEAP_PER_BYTE * bytes.len();
    if let Ok((seq, request)) = Request::decode(bytes) {
        assert!(request_heap(&request) <= allowed.min(REQUEST_HEAP_MAX), "{bytes:02x?}");
        request.encode(seq, &mut Vec::new()).unwrap();
    }
    if let Ok((seq, reply)) = Reply::decode(bytes) {
        assert!(reply_heap(&reply) <= allowed, "{bytes:02x?}");
        reply.encode(seq, &mut Vec::new()).unwrap();
    }
}

fn frame_of(seq: u32, request: &Request, reply: &Reply) -> [Vec<u8>; 2] {
    let mut frames = [Vec::new(), Vec::new()];
    request.encode(seq, &mut frames[0]).unwrap();
    reply.encode(seq, &mut frames[1]).unwrap();
    frames
}

proptest! {
    #[test]
    fn random_bytes(bytes in vec(any::<u8>(), 0..600)) {
        read(&bytes);
    }

    #[test]
    fn random_fields(kind in prop_oneof![0_u8..12, 128_u8..132, 190_u8..193], rest in vec(
        prop_oneof![any::<u8>(), 0x80_u8..=0xa3, Just(0xc0), Just(0xc4)], 0..200,
    )) {
        let mut bytes = vec![0x9f, 0xcc, kind, 0x01];
        bytes.extend(rest);
        read(&bytes);
        bytes[0] = 0x97;
        read(&bytes);
    }

    #[test]
    fn cut_short(
        request in oracle::request(), reply in oracle::reply(), at in any::<prop::sample::Index>(),
    ) {
        for frame in frame_of(1, &request, &reply) {
            let whole = body(&frame);
            let cut = &whole[..at.index(whole.len())];
            prop_assert!(Request::decode(cut).is_err());
            prop_assert!(Reply::decode(cut).is_err());
        }
    }

    #[test]
    fn changed(
        request in oracle::request(), reply in oracle::reply(),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        for mut frame in frame_of(1, &request, &reply) {
            for (at, byte) in &changes {
                let at = at.index(frame.len());
                frame[at] = *byte;
            }
            read(&frame);
            read(&frame[HEADER_LEN..]);
        }
    }
}

#[test]
fn deep_nesting_and_huge_claims_cost_nothing() {
    let deep = [b"\x93\x09\x01".as_slice(), &vec![0x91; 60_000]].concat();
    assert_eq!(Request::decode(&deep).unwrap_err().fault(), Fault::Malformed);
    let closed = [deep.as_slice(), b"\xc0"].concat();
    assert_eq!(Request::decode(&closed), Ok((1, Request::Ping)));
    for claim in [b"\xdd\xff\xff\xff\xff", b"\xdf\xff\xff\xff\xff", b"\xdb\xff\xff\xff\xff"] {
        let bytes = [b"\x93\x09\x01".as_slice(), claim].concat();
        assert_eq!(Request::decode(&bytes).unwrap_err().fault(), Fault::Malformed);
        read(&[b"\x95\x01\x01\x00".as_slice(), claim].concat());
        read(&[b"\x95\x01\x01\x00\x91\xa1A".as_slice(), claim].concat());
        read(&[b"\x98\x01\x01\x00\x90\x80\xc2\xc2".as_slice(), claim].concat());
        let counted = b"\x9f\xcc\x81\x01\x00\xc2\xc0\x00\x00\x00\x00\x00\xa0\x00\x00\x90\xc0";
        read(&[&counted[..], claim].concat());
        let with_use =
            b"\x9e\xcc\x81\x01\x00\xc2\xc0\x00\x00\x00\x00\x00\xa0\x00\x00\x91\x9c\xa0\x00\x00\
            \x00\x00\x00\xc0\xc0\xc0\x90\x00";
        read(&[&with_use[..], claim].concat());
        read(&[&with_use[..], b"\x81\x04", claim].concat());
        read(&[&with_use[..], b"\x81\x05", claim].concat());
        read(
            &[b"\x9e\xcc\x81\x01\x00\xc2\xc0\x00\x00\x00\x00\x00\xa0\x00\x00", &claim[..]].concat(),
        );
    }
}
