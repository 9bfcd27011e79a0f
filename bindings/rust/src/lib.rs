//! Rust's allocators over teaspoon's sized heaps, of which an object takes its size and nothing more.
//!
//! ```
//! use teaspoon_heap::Tsp128k;
//!
//! #[global_allocator]
//! static HEAP: Tsp128k<[u8; 200_000]> = Tsp128k::new([0; 200_000]); // all zero: in .bss
//!
//! fn main() {
//!     let words: Vec<String> = "a teaspoon of memory".split(' ').map(String::from).collect();
//!     assert_eq!(words.len(), 4);
//!     assert!(HEAP.usage().objects >= 5);
//! }
//! ```
//!
//! `Tsp4k`, `Tsp128k` and `Tsp16m` are teaspoon.h's families. A heap is made by the first allocation, once whichever
//! thread comes first; the lock is what TSP_LOCK says (`CFLAGS=-DTSP_LOCK=...` when this crate is built): a spin lock on
//! an operating system, interrupts disabled without one. Misuse, which safe code cannot commit, ends in `tsp_misuse`.
//! With the feature `allocator_api` (nightly) a reference to a heap is an `Allocator` for single containers.
//!
//! From the crate teaspoon: `Teaspoon4KiB::from_slice(memory)` is `Tsp4k::from_slice(memory)`, and so are the others.
#![no_std]
#![cfg_attr(feature = "allocator_api", feature(allocator_api))]

use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::ffi::c_void;
use core::marker::PhantomData;

/// What a heap tells about itself, in bytes but for `objects` and `failed`; teaspoon.h describes it.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    pub total: usize,
    pub used: usize,
    pub free: usize,
    pub objects: usize,
    pub largest: usize,
    pub low_free: usize,
    pub failed: usize,
}

/// The bytes of a heap: an array beside the handle, or a slice that is lent to it.
///
/// # Safety
/// The region stays where it is and nobody else's as long as `Self` does.
pub unsafe trait Memory {
    fn region(this: *mut Self) -> (*mut u8, usize);
}

unsafe impl<const N: usize> Memory for [u8; N] {
    fn region(this: *mut Self) -> (*mut u8, usize) {
        (this.cast(), N)
    }
}

pub struct Lent<'a> {
    start: *mut u8,
    size: usize,
    slice: PhantomData<&'a mut [u8]>,
}

unsafe impl Memory for Lent<'_> {
    fn region(this: *mut Self) -> (*mut u8, usize) {
        unsafe { ((*this).start, (*this).size) }
    }
}

/// All zero is a handle that the first call makes a heap of.
macro_rules! family {
    ($family:ident, $words32:literal, $words64:literal, $once_over:ident, $alloc:ident, $alloc_zeroed:ident, $dealloc:ident,
     $resize:ident, $resize_zeroed:ident, $usage:ident) => {
        extern "C" {
            fn $once_over(spoon: *mut c_void, memory: *mut c_void, size: usize, sized: i32) -> *mut c_void;
            fn $alloc(spoon: *mut c_void, size: usize, align: usize) -> *mut u8;
            fn $alloc_zeroed(spoon: *mut c_void, size: usize, align: usize) -> *mut u8;
            fn $dealloc(spoon: *mut c_void, pointer: *mut u8, size: usize, align: usize) -> i32;
            fn $resize(spoon: *mut c_void, pointer: *mut u8, old: usize, new: usize, align: usize) -> *mut u8;
            #[cfg(feature = "allocator_api")]
            fn $resize_zeroed(spoon: *mut c_void, pointer: *mut u8, old: usize, new: usize, align: usize) -> *mut u8;
            fn $usage(spoon: *mut c_void) -> Usage;
        }

        #[repr(C)]
        pub struct $family<M: Memory> {
            #[cfg(target_pointer_width = "64")]
            handle: UnsafeCell<[usize; $words64]>,
            #[cfg(not(target_pointer_width = "64"))]
            handle: UnsafeCell<[usize; $words32]>,
            memory: UnsafeCell<M>,
        }

        unsafe impl<M: Memory> Sync for $family<M> {}
        unsafe impl<M: Memory> Send for $family<M> {}

        impl<M: Memory> $family<M> {
            pub const fn new(memory: M) -> Self {
                #[cfg(target_pointer_width = "64")]
                let handle = UnsafeCell::new([0; $words64]);
                #[cfg(not(target_pointer_width = "64"))]
                let handle = UnsafeCell::new([0; $words32]);
                Self { handle, memory: UnsafeCell::new(memory) }
            }

            pub fn usage(&self) -> Usage {
                unsafe { $usage(self.made()) }
            }

            fn handle(&self) -> *mut c_void {
                self.handle.get().cast()
            }

            fn made(&self) -> *mut c_void {
                let (start, size) = M::region(self.memory.get());
                unsafe { $once_over(self.handle(), start.cast(), size, 1) }
            }
        }

        impl<'a> $family<Lent<'a>> {
            pub fn from_slice(slice: &'a mut [u8]) -> Self {
                Self::new(Lent { start: slice.as_mut_ptr(), size: slice.len(), slice: PhantomData })
            }
        }

        unsafe impl<M: Memory> GlobalAlloc for $family<M> {
            unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
                $alloc(self.made(), layout.size(), layout.align())
            }

            unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
                $alloc_zeroed(self.made(), layout.size(), layout.align())
            }

            unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
                let status = $dealloc(self.handle(), pointer, layout.size(), layout.align());
                debug_assert_eq!(status, 0, "teaspoon refuses to free {:p}, {:?}", pointer, layout);
            }

            unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
                $resize(self.handle(), pointer, layout.size(), new_size, layout.align())
            }
        }

        #[cfg(feature = "allocator_api")]
        unsafe impl<M: Memory> core::alloc::Allocator for &$family<M> {
            fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
                slice(unsafe { $alloc(self.made(), layout.size(), layout.align()) }, layout.size())
            }

            fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
                slice(unsafe { $alloc_zeroed(self.made(), layout.size(), layout.align()) }, layout.size())
            }

            unsafe fn deallocate(&self, pointer: NonNull<u8>, layout: Layout) {
                GlobalAlloc::dealloc(*self, pointer.as_ptr(), layout)
            }

            unsafe fn grow(&self, pointer: NonNull<u8>, old: Layout, new: Layout) -> Result<NonNull<[u8]>, AllocError> {
                let new_pointer = $resize(self.made(), pointer.as_ptr(), old.size(), new.size(), new.align());
                slice(new_pointer, new.size())
            }

            unsafe fn grow_zeroed(&self, pointer: NonNull<u8>, old: Layout, new: Layout) -> Result<NonNull<[u8]>, AllocError> {
                let new_pointer = $resize_zeroed(self.made(), pointer.as_ptr(), old.size(), new.size(), new.align());
                slice(new_pointer, new.size())
            }

            unsafe fn shrink(&self, pointer: NonNull<u8>, old: Layout, new: Layout) -> Result<NonNull<[u8]>, AllocError> {
                self.grow(pointer, old, new)
            }
        }
    };
}

#[cfg(feature = "allocator_api")]
use core::{alloc::AllocError, ptr::NonNull};

#[cfg(feature = "allocator_api")]
fn slice(pointer: *mut u8, size: usize) -> Result<NonNull<[u8]>, AllocError> {
    NonNull::new(core::ptr::slice_from_raw_parts_mut(pointer, size)).ok_or(AllocError)
}

family!(Tsp4k, 4, 3, tsp4k_once_over, tsp4k_alloc, tsp4k_alloc_zeroed, tsp4k_dealloc, tsp4k_resize, tsp4k_resize_zeroed,
        tsp4k_usage);
family!(Tsp128k, 5, 4, tsp128k_once_over, tsp128k_alloc, tsp128k_alloc_zeroed, tsp128k_dealloc, tsp128k_resize,
        tsp128k_resize_zeroed, tsp128k_usage);
family!(Tsp16m, 8, 5, tsp16m_once_over, tsp16m_alloc, tsp16m_alloc_zeroed, tsp16m_dealloc, tsp16m_resize,
        tsp16m_resize_zeroed, tsp16m_usage);
