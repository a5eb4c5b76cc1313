#pragma once

#include <cstdint>
#include <vector>

#include "arrow/status.h"
#include "thalweg/base/bytes.h"

namespace thalweg::kv {

/// The union of two sets of 32-bit numbers in Roaring's portable form, in the same form, byte for byte what Java's
/// RoaringBitmap 1.3 makes of them with or() and runOptimize(). (CRoaring chooses other containers in some cases: {1, 2, 3}
/// is a run to it and an array to Java.) UNKNOWN_SERVER_ERROR, as Fluss has it, for bytes that are no such set.
arrow::Status UnionBitmaps32(ByteView accumulated, ByteView input, std::vector<uint8_t>* out);

/// The same for sets of 64-bit numbers in the form of Java's Roaring64Bitmap, which no other library reads or writes:
///
///   | u8 0 | for the empty set, else
///   | u8 1 | i64 key count | node, its children behind it in the order of their bytes, and so on | containers |
///   node:       | u8 kind: 0 Node4, 1 Node16, 2 Node48, 3 Node256, 4 leaf | u16 children | u8 prefix length | prefix |, then
///               Node4 4 bytes and Node16 16 bytes of the children's key bytes, ascending, each group of 4 or 8 backwards ·
///               Node48 256 bytes, for each key byte a slot or 0xFF, each group of 8 backwards · Node256 32 bytes of bits ·
///               leaf 6 bytes of key, big-endian, and i64 container
///   containers: | i32 arrays (1) | i8 −2 | i32 slots | slot … | i64 containers | i32 last array | i32 last slot |
///   slot:       | u8 0 | where unused, else | u8 1 | u8 0 run, 1 bits, 2 array | i32 cardinality | as in the portable form |
///
/// Little-endian but for the leaves. Keys are the upper 48 bits.
arrow::Status UnionBitmaps64(ByteView accumulated, ByteView input, std::vector<uint8_t>* out);

}  // namespace thalweg::kv
