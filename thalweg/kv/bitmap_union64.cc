#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "thalweg/base/endian.h"
#include "thalweg/base/error.h"
#include "thalweg/kv/bitmap_container_internal.h"
#include "thalweg/kv/bitmap_union.h"

namespace thalweg::kv {
namespace {

using Form = BitmapContainer::Form;

constexpr size_t kKeyBytes = 6;
using Key = std::array<uint8_t, kKeyBytes>;

enum class Kind : uint8_t { kNode4, kNode16, kNode48, kNode256, kLeaf };
constexpr std::array<size_t, 4> kChildrenMax = {4, 16, 48, 256};
constexpr std::array<size_t, 4> kBodyBytes = {4, 16, 256, 32};
constexpr uint8_t kNoSlot = 0xFF;
constexpr size_t kGroupBytes = 8;
constexpr int8_t kNotTrimmed = -2;

/// A node of the radix tree. Nodes grow and never shrink: sets are only added to.
struct Node {
  Kind kind = Kind::kLeaf;
  std::vector<uint8_t> prefix;
  std::map<uint8_t, std::unique_ptr<Node>> children;
  std::array<uint8_t, 256> slots;  // of a Node48: which of its 48 places a key byte has
  Key key{};                       // of a leaf
  int64_t container = 0;           // of a leaf
};

struct Bitmap {
  std::unique_ptr<Node> root;
  int64_t key_count = 0;
  bool has_array = false;
  std::vector<std::optional<BitmapContainer>> slots;
  int64_t container_count = 0;
  int32_t last_slot = 0;
};

struct Reader {
  ByteView rest;

  template <typename T>
  bool Take(T* value) {
    if (rest.size() < sizeof(T)) return false;
    *value = LoadLittle<T>(rest.data());
    rest = rest.subspan(sizeof(T));
    return true;
  }
  bool TakeBytes(size_t count, ByteView* bytes) {
    if (rest.size() < count) return false;
    *bytes = rest.first(count);
    rest = rest.subspan(count);
    return true;
  }
};

/// The key bytes of a node's children, ascending, from what stands in its body.
bool KeysOf(Kind kind, size_t count, ByteView body, Node* node, std::vector<uint8_t>* keys) {
  if (kind == Kind::kNode4 || kind == Kind::kNode16) {
    const size_t group = kind == Kind::kNode4 ? 4 : kGroupBytes;
    for (size_t i = 0; i < count; ++i) keys->push_back(body[i / group * group + group - 1 - i % group]);
  } else if (kind == Kind::kNode48) {
    std::array<bool, 48> taken{};
    for (size_t byte = 0; byte < 256; ++byte) {
      const uint8_t slot = body[byte / kGroupBytes * kGroupBytes + kGroupBytes - 1 - byte % kGroupBytes];
      node->slots[byte] = slot;
      if (slot == kNoSlot) continue;
      if (slot >= taken.size() || std::exchange(taken[slot], true)) return false;
      keys->push_back(static_cast<uint8_t>(byte));
    }
  } else {
    for (size_t byte = 0; byte < 256; ++byte) {
      if ((body[byte / 8] >> byte % 8 & 1) != 0) keys->push_back(static_cast<uint8_t>(byte));
    }
  }
  for (size_t i = 1; i < keys->size(); ++i) {
    if ((*keys)[i] <= (*keys)[i - 1]) return false;
  }
  return keys->size() == count;
}

/// A node at `depth` bytes of `path`, with all below it; null where it is not sound.
std::unique_ptr<Node> TakeNode(Reader* in, size_t slot_count_max, Key path, size_t depth) {
  uint8_t kind = 0;
  uint16_t count = 0;
  uint8_t prefix_bytes = 0;
  ByteView prefix;
  if (!in->Take(&kind) || !in->Take(&count) || !in->Take(&prefix_bytes) || !in->TakeBytes(prefix_bytes, &prefix))
    return nullptr;
  auto node = std::make_unique<Node>();
  if (kind > static_cast<uint8_t>(Kind::kLeaf)) return nullptr;
  node->kind = static_cast<Kind>(kind);
  if (node->kind == Kind::kLeaf) {
    ByteView key;
    if (!in->TakeBytes(kKeyBytes, &key) || !in->Take(&node->container)) return nullptr;
    std::ranges::copy(key, node->key.begin());
    if (!std::equal(path.begin(), path.begin() + static_cast<ptrdiff_t>(depth), key.begin())) return nullptr;
    // Which slots there are is known later; this bounds what an index may be.
    const bool in_bounds = node->container >= 0 && static_cast<uint64_t>(node->container) < slot_count_max;
    return in_bounds ? std::move(node) : nullptr;
  }
  ByteView body;
  if (depth + prefix_bytes >= kKeyBytes || count == 0 || count > kChildrenMax[kind] ||
      !in->TakeBytes(kBodyBytes[kind], &body)) {
    return nullptr;
  }
  node->prefix.assign(prefix.begin(), prefix.end());
  std::ranges::copy(prefix, path.begin() + static_cast<ptrdiff_t>(depth));
  depth += prefix_bytes;
  std::vector<uint8_t> keys;
  if (!KeysOf(node->kind, count, body, node.get(), &keys)) return nullptr;
  for (const uint8_t key : keys) {
    path[depth] = key;
    std::unique_ptr<Node> child = TakeNode(in, slot_count_max, path, depth + 1);
    if (!child) return nullptr;
    node->children.emplace(key, std::move(child));
  }
  return node;
}

bool TakeContainers(Reader* in, Bitmap* out) {
  int32_t arrays = 0;
  int8_t trimmed = 0;
  int32_t slot_count = 0;
  int32_t last_array = 0;
  if (!in->Take(&arrays) || arrays != 1 || !in->Take(&trimmed) || !in->Take(&slot_count)) return false;
  if (slot_count < 1 || static_cast<size_t>(slot_count) > in->rest.size()) return false;
  for (int32_t i = 0; i < slot_count; ++i) {
    uint8_t used = 0;
    if (!in->Take(&used) || used > 1) return false;
    std::optional<BitmapContainer>& slot = out->slots.emplace_back();
    if (used == 0) continue;
    uint8_t form = 0;
    int32_t cardinality = 0;
    if (!in->Take(&form) || form > static_cast<uint8_t>(Form::kArray) || !in->Take(&cardinality) || cardinality < 0)
      return false;
    if (!BitmapContainer::Take(static_cast<Form>(form), static_cast<uint32_t>(cardinality), &in->rest, &slot.emplace()))
      return false;
  }
  if (!in->Take(&out->container_count) || !in->Take(&last_array) || !in->Take(&out->last_slot)) return false;
  // The next container goes behind the last slot: nothing may be there.
  if (last_array != 0 || out->last_slot < 0 || out->last_slot >= slot_count) return false;
  return std::none_of(out->slots.begin() + out->last_slot + 1, out->slots.end(),
                      [](const auto& slot) { return slot.has_value(); });
}

template <typename Visit>
bool ForEachLeaf(Node* node, const Visit& visit) {
  if (node->kind == Kind::kLeaf) return visit(node);
  return std::ranges::all_of(node->children, [&](const auto& child) { return ForEachLeaf(child.second.get(), visit); });
}

bool Parse(ByteView bytes, Bitmap* out) {
  Reader in{bytes};
  uint8_t has_keys = 0;
  if (!in.Take(&has_keys) || has_keys > 1) return false;
  if (has_keys == 0) return true;
  if (!in.Take(&out->key_count)) return false;
  out->root = TakeNode(&in, bytes.size(), {}, 0);
  if (!out->root || !TakeContainers(&in, out)) return false;
  out->has_array = true;
  return ForEachLeaf(out->root.get(), [&](const Node* leaf) {
    return static_cast<size_t>(leaf->container) < out->slots.size() && out->slots[static_cast<size_t>(leaf->container)];
  });
}

Node* Find(Node* node, const Key& key) {
  for (size_t depth = 0; node && node->kind != Kind::kLeaf; ++depth) {
    if (!std::equal(node->prefix.begin(), node->prefix.end(), key.begin() + static_cast<ptrdiff_t>(depth)))
      return nullptr;
    depth += node->prefix.size();
    const auto child = node->children.find(key[depth]);
    node = child == node->children.end() ? nullptr : child->second.get();
  }
  return node && node->key == key ? node : nullptr;
}

void AddChild(Node* node, uint8_t byte, std::unique_ptr<Node> child) {
  if (node->children.size() == kChildrenMax[static_cast<size_t>(node->kind)]) {
    node->kind = static_cast<Kind>(static_cast<uint8_t>(node->kind) + 1);
    if (node->kind == Kind::kNode48) {
      node->slots.fill(kNoSlot);
      uint8_t slot = 0;
      for (const auto& [key, present] : node->children) node->slots[key] = slot++;
    }
  }
  if (node->kind == Kind::kNode48) {
    std::array<bool, 48> taken{};
    for (const auto& [key, present] : node->children) taken[node->slots[key]] = true;
    size_t slot = node->children.size();
    if (taken[slot]) slot = static_cast<size_t>(std::ranges::find(taken, false) - taken.begin());
    node->slots[byte] = static_cast<uint8_t>(slot);
  }
  node->children.emplace(byte, std::move(child));
}

/// `leaf` under `node`, which stands at `depth` and has no leaf with that key.
std::unique_ptr<Node> Insert(std::unique_ptr<Node> node, std::unique_ptr<Node> leaf, size_t depth) {
  const Key key = leaf->key;
  if (!node) return leaf;
  const ByteView own = node->kind == Kind::kLeaf ? ByteView(node->key).subspan(depth) : ByteView(node->prefix);
  size_t common = 0;
  while (common < own.size() && own[common] == key[depth + common]) ++common;
  if (node->kind == Kind::kLeaf || common < own.size()) {
    auto fork = std::make_unique<Node>();
    fork->kind = Kind::kNode4;
    fork->prefix.assign(own.begin(), own.begin() + static_cast<ptrdiff_t>(common));
    const uint8_t byte = own[common];
    if (node->kind != Kind::kLeaf) {
      node->prefix.erase(node->prefix.begin(), node->prefix.begin() + static_cast<ptrdiff_t>(common) + 1);
    }
    AddChild(fork.get(), byte, std::move(node));
    AddChild(fork.get(), key[depth + common], std::move(leaf));
    return fork;
  }
  depth += common;
  const auto child = node->children.find(key[depth]);
  if (child == node->children.end()) {
    AddChild(node.get(), key[depth], std::move(leaf));
  } else {
    child->second = Insert(std::move(child->second), std::move(leaf), depth + 1);
  }
  return node;
}

void Add(Bitmap* bitmap, const Key& key, BitmapContainer container) {
  if (!bitmap->has_array) {
    bitmap->has_array = true;
    bitmap->slots.resize(1);
    bitmap->last_slot = 0;
  } else {
    ++bitmap->last_slot;
  }
  const size_t needed = static_cast<size_t>(bitmap->last_slot) + 1;
  // Java's array grows by half, and its unused places are stored too.
  if (needed > bitmap->slots.size())
    bitmap->slots.resize(std::max(needed, bitmap->slots.size() + bitmap->slots.size() / 2));
  bitmap->slots[needed - 1] = std::move(container);
  ++bitmap->container_count;
  auto leaf = std::make_unique<Node>();
  leaf->key = key;
  leaf->container = bitmap->last_slot;
  bitmap->root = Insert(std::move(bitmap->root), std::move(leaf), 0);
  ++bitmap->key_count;
}

template <typename T>
void Append(std::vector<uint8_t>* out, T value) {
  out->resize(out->size() + sizeof(T));
  StoreLittle<T>(out->data() + out->size() - sizeof(T), value);
}

void WriteNode(const Node& node, std::vector<uint8_t>* out) {
  out->push_back(static_cast<uint8_t>(node.kind));
  Append<uint16_t>(out, static_cast<uint16_t>(node.children.size()));
  out->push_back(static_cast<uint8_t>(node.prefix.size()));
  out->insert(out->end(), node.prefix.begin(), node.prefix.end());
  if (node.kind == Kind::kLeaf) {
    out->insert(out->end(), node.key.begin(), node.key.end());
    Append<int64_t>(out, node.container);
    return;
  }
  std::vector<uint8_t> body(kBodyBytes[static_cast<size_t>(node.kind)], node.kind == Kind::kNode48 ? kNoSlot : 0);
  const size_t group = node.kind == Kind::kNode4 ? 4 : kGroupBytes;
  const auto backwards = [group](size_t i) { return i / group * group + group - 1 - i % group; };
  size_t index = 0;
  for (const auto& [key, child] : node.children) {
    if (node.kind == Kind::kNode256) {
      body[key / 8] |= static_cast<uint8_t>(1 << key % 8);
    } else if (node.kind == Kind::kNode48) {
      body[backwards(key)] = node.slots[key];
    } else {
      body[backwards(index++)] = key;
    }
  }
  out->insert(out->end(), body.begin(), body.end());
  for (const auto& [key, child] : node.children) WriteNode(*child, out);
}

void Write(const Bitmap& bitmap, std::vector<uint8_t>* out) {
  out->clear();
  out->push_back(bitmap.root ? 1 : 0);
  if (!bitmap.root) return;
  Append<int64_t>(out, bitmap.key_count);
  WriteNode(*bitmap.root, out);
  Append<int32_t>(out, 1);
  Append<int8_t>(out, kNotTrimmed);
  Append<int32_t>(out, static_cast<int32_t>(bitmap.slots.size()));
  for (const auto& slot : bitmap.slots) {
    out->push_back(slot ? 1 : 0);
    if (!slot) continue;
    out->push_back(static_cast<uint8_t>(slot->form));
    Append<int32_t>(out, static_cast<int32_t>(slot->cardinality));
    out->insert(out->end(), slot->payload.begin(), slot->payload.end());
  }
  Append<int64_t>(out, bitmap.container_count);
  Append<int32_t>(out, 0);
  Append<int32_t>(out, bitmap.last_slot);
}

}  // namespace

arrow::Status UnionBitmaps64(ByteView accumulated, ByteView input, std::vector<uint8_t>* out) {
  Bitmap left;
  Bitmap right;
  if (!Parse(accumulated, &left) || !Parse(input, &right)) {
    return Error(
        ErrorCode::kUnknownServerError,
        "A value of an rbm64 column is no bitmap: write Roaring64Bitmaps as Java's RoaringBitmap 1.3 serializes them.");
  }
  if (right.root) {
    ForEachLeaf(right.root.get(), [&](const Node* leaf) {
      BitmapContainer& fresh = *right.slots[static_cast<size_t>(leaf->container)];
      const Node* const found = Find(left.root.get(), leaf->key);
      if (found) {
        BitmapContainer& old = *left.slots[static_cast<size_t>(found->container)];
        old = BitmapContainer::Union(old, fresh);
      } else {
        Add(&left, leaf->key, fresh);
      }
      return true;
    });
  }
  for (auto& slot : left.slots) {
    if (slot) slot->Optimize(/*keep_runs=*/true);
  }
  Write(left, out);
  return arrow::Status::OK();
}

}  // namespace thalweg::kv
