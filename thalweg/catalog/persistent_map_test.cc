#include "thalweg/catalog/persistent_map.h"

#include <map>
#include <string>

#include "gtest/gtest.h"

namespace thalweg::catalog {
namespace {

using Map = PersistentMap<std::string, int>;

std::map<std::string, int> Entries(const Map& map) {
  std::map<std::string, int> entries;
  map.ForEach([&](const std::string& key, int value) { EXPECT_TRUE(entries.emplace(key, value).second); });
  EXPECT_EQ(entries.size(), map.size());
  return entries;
}

TEST(PersistentMapTest, KeepsEarlierVersions) {
  const Map none;
  EXPECT_TRUE(none.empty());
  EXPECT_EQ(none.Find("a"), nullptr);
  const Map one = none.With("a", 1);
  const Map two = one.With("b", 2).With("a", 3);
  const Map three = two.Without("a").Without("nothing");
  EXPECT_EQ(Entries(none), (std::map<std::string, int>{}));
  EXPECT_EQ(Entries(one), (std::map<std::string, int>{{"a", 1}}));
  EXPECT_EQ(Entries(two), (std::map<std::string, int>{{"a", 3}, {"b", 2}}));
  EXPECT_EQ(Entries(three), (std::map<std::string, int>{{"b", 2}}));
  EXPECT_EQ(*two.Find("a"), 3);
}

TEST(PersistentMapTest, BehavesAsAMapWhileItGrowsAndShrinks) {
  Map map;
  std::map<std::string, int> model;
  for (int i = 0; i < 3000; ++i) {
    const std::string key = std::to_string(i * 7919 % 1013);
    if (i % 3 == 2) {
      map = map.Without(key);
      model.erase(key);
    } else {
      map = map.With(key, i);
      model[key] = i;
    }
  }
  EXPECT_EQ(Entries(map), model);
  for (const auto& [key, value] : model) EXPECT_EQ(*map.Find(key), value);
}

}  // namespace
}  // namespace thalweg::catalog
