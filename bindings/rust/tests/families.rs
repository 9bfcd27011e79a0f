//! Each family by its calls, and with the feature allocator_api under containers of their own.
#![cfg_attr(feature = "allocator_api", feature(allocator_api))]
use std::alloc::{GlobalAlloc, Layout};
use teaspoon_heap::{Memory, Tsp128k, Tsp16m, Tsp4k, Usage};

fn turns(heap: &dyn GlobalAlloc, usage: &dyn Fn() -> Usage) {
    let empty = usage();
    assert!(empty.total > 1900 && empty.objects == 0);
    unsafe {
        let layout = Layout::from_size_align(40, 8).unwrap();
        let (first, second) = (heap.alloc_zeroed(layout), heap.alloc(layout));
        assert!(*first.add(39) == 0 && second as usize % 8 == 0);
        assert_eq!(usage().used, 80); // nothing but their sizes
        first.write_bytes(7, 40);
        let first = heap.realloc(first, layout, 400);
        assert!(*first.add(39) == 7 && usage().objects == 2);
        assert!(heap.realloc(second, layout, 4000).is_null());
        heap.dealloc(second, layout);
        heap.dealloc(first, Layout::from_size_align(400, 8).unwrap());
    }
    assert_eq!((usage().used, usage().failed), (0, 1));
}

#[test]
fn families() {
    static STATIC: Tsp4k<[u8; 2048]> = Tsp4k::new([0; 2048]);
    let (mut bytes, mut more) = ([0; 2048], [0; 2048]);
    let (middle, large) = (Tsp128k::from_slice(&mut bytes), Tsp16m::from_slice(&mut more));
    turns(&STATIC, &|| STATIC.usage());
    turns(&middle, &|| middle.usage());
    turns(&large, &|| large.usage());
    assert_eq!(<[u8; 3]>::region(&mut [0; 3]).1, 3);
}

#[cfg(feature = "allocator_api")]
#[test]
fn one_container() {
    let mut bytes = [0; 2048];
    let heap = Tsp4k::from_slice(&mut bytes);
    let mut vector = Vec::new_in(&heap);
    for i in 0..400u32 {
        vector.push(i);
    }
    assert!(heap.usage().objects == 1 && heap.usage().used >= 1600);
    vector.truncate(10);
    vector.shrink_to_fit();
    assert_eq!(heap.usage().used, 40);
    assert!(vector.try_reserve(1000).is_err());
    let nothing: Box<(), _> = Box::new_in((), &heap);
    drop((vector, nothing));
    assert_eq!(heap.usage().objects, 0);
}
