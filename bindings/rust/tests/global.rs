//! All of this program's memory is from one heap: the test harness's, and what the tests hold.
use std::collections::BTreeMap;
use teaspoon_heap::Tsp16m;

#[global_allocator]
static HEAP: Tsp16m<[u8; 4 << 20]> = Tsp16m::new([0; 4 << 20]);

fn is_ours<T>(object: &T) -> bool {
    let (start, address) = (&HEAP as *const _ as usize, object as *const T as usize);
    (start..start + (4 << 20) + 64).contains(&address)
}

#[test]
fn containers() {
    let mut words = BTreeMap::new();
    for i in 0..5000u32 {
        words.insert(i.wrapping_mul(2654435761), format!("word {}", i));
    }
    assert!(is_ours(&words.values().next().unwrap().as_bytes()[0]));
    for i in (0..5000u32).step_by(2) {
        assert_eq!(words.remove(&i.wrapping_mul(2654435761)).unwrap(), format!("word {}", i));
    }
    let mut all = String::new();
    for word in words.values() {
        all.push_str(word);
    }
    assert_eq!(all.len(), words.values().map(String::len).sum::<usize>());
    let mut vectors: Vec<Vec<u64>> = (0..100).map(|n| (0..n).collect()).collect();
    for vector in &mut vectors {
        vector.reserve(100);
        vector.shrink_to_fit();
    }
    assert_eq!(vectors.iter().map(Vec::len).sum::<usize>(), 99 * 100 / 2);
}

#[test]
fn threads() {
    let threads: Vec<_> = (0..4u8)
        .map(|me| {
            std::thread::spawn(move || {
                let mut kept: Vec<Vec<u8>> = Vec::new();
                for turn in 0..2000usize {
                    kept.push(vec![me; 1 + turn % 97]);
                    if kept.len() > 20 {
                        assert!(kept.swap_remove(turn % 20).iter().all(|&byte| byte == me));
                    }
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
}

#[test]
fn out_of_memory() {
    let mut vector: Vec<u8> = Vec::new();
    assert!(vector.try_reserve(8 << 20).is_err());
    assert!(vector.try_reserve(1 << 20).is_ok());
}

#[repr(align(256))]
struct Aligned(u8);

#[test]
fn alignments() {
    let objects: Vec<_> = (0..20).map(|n| Box::new(Aligned(n))).collect();
    for (n, object) in objects.iter().enumerate() {
        assert_eq!((&**object as *const Aligned as usize % 256, object.0 as usize), (0, n));
    }
}
