#include "runtime/cache/values/list_value.hpp"

#include <algorithm>
#include <utility>

#include "runtime/cache/values/footprint.hpp"

namespace troupe {

namespace {

constexpr std::size_t chunk_bytes_max = 60'000;  // offsets have 16 bits
constexpr std::size_t chunk_elements_max = 4096;

}  // namespace

// --- a chunk

std::string_view list_value::chunk::at(std::size_t i) const noexcept {
  const std::size_t end = i + 1 < offsets.size() ? offsets[i + 1] : bytes.size();
  return std::string_view(bytes).substr(offsets[i], end - offsets[i]);
}

void list_value::chunk::insert(std::size_t i, std::string_view word) {
  const std::size_t offset = i < offsets.size() ? offsets[i] : bytes.size();
  bytes.insert(offset, word);
  offsets.insert(offsets.begin() + static_cast<std::ptrdiff_t>(i), static_cast<std::uint16_t>(offset));
  for (auto k = i + 1; k < offsets.size(); ++k) offsets[k] = static_cast<std::uint16_t>(offsets[k] + word.size());
}

void list_value::chunk::erase(std::size_t first, std::size_t count) {
  const std::size_t begin = offsets[first];
  const std::size_t end = first + count < offsets.size() ? offsets[first + count] : bytes.size();
  bytes.erase(begin, end - begin);
  const auto from = offsets.begin() + static_cast<std::ptrdiff_t>(first);
  offsets.erase(from, from + static_cast<std::ptrdiff_t>(count));
  for (auto k = first; k < offsets.size(); ++k) offsets[k] = static_cast<std::uint16_t>(offsets[k] - (end - begin));
}

// --- the row

std::string_view list_value::encoding() const noexcept { return chunks() <= 1 ? "listpack" : "quicklist"; }

std::uint64_t list_value::bytes() const noexcept {
  return footprint_of(sizeof *this) + footprint_of(row_) + chunks_bytes_;
}

std::unique_ptr<value_object> list_value::clone() const {
  auto copy = std::make_unique<list_value>(limits());
  visit(0, [&](std::size_t, std::string_view word) {
    copy->push_back(word);
    return true;
  });
  return copy;
}

void list_value::write_words(std::string& into) const {
  visit(0, [&](std::size_t, std::string_view word) {
    pack_word(into, word);
    return true;
  });
}

std::size_t list_value::chunk_limit() const noexcept {
  return std::min<std::size_t>(limits().list_chunk_bytes.load(std::memory_order_relaxed), chunk_bytes_max);
}

bool list_value::takes(const chunk& c, std::string_view word) const noexcept {
  return c.count() < chunk_elements_max && c.bytes.size() + word.size() <= chunk_limit();
}

list_value::chunk& list_value::open_chunk(std::size_t at) {
  if (at == 0 && front_ == 0 && !row_.empty()) {
    // Room for as many as there are, so that each chunk is moved a bounded number of times.
    const auto room = row_.size() / 2 + 4;
    std::vector<chunk> wider(room);
    std::move(row_.begin(), row_.end(), std::back_inserter(wider));
    row_ = std::move(wider);
    front_ = room;
  }
  if (at == 0 && front_ > 0) {
    --front_;
  } else {
    row_.insert(row_.begin() + static_cast<std::ptrdiff_t>(front_ + at), chunk());
  }
  chunks_bytes_ += row_[front_ + at].footprint();
  return row_[front_ + at];
}

void list_value::drop_chunk(std::size_t at) {
  chunks_bytes_ -= row_[front_ + at].footprint();
  if (at == 0) {
    chunk gone;
    std::swap(row_[front_++], gone);  // an assignment would keep the memory
    if (front_ >= 64 && front_ * 2 >= row_.size()) {
      row_.erase(row_.begin(), row_.begin() + static_cast<std::ptrdiff_t>(front_));
      front_ = 0;
    }
  } else {
    row_.erase(row_.begin() + static_cast<std::ptrdiff_t>(front_ + at));
  }
  if (front_ == row_.size()) {
    row_.clear();
    front_ = 0;
  }
}

void list_value::put(chunk& c, std::size_t i, std::string_view word) {
  chunks_bytes_ -= c.footprint();
  c.insert(i, word);
  chunks_bytes_ += c.footprint();
  ++size_;
}

void list_value::cut(chunk& c, std::size_t first, std::size_t count) {
  chunks_bytes_ -= c.footprint();
  c.erase(first, count);
  chunks_bytes_ += c.footprint();
  size_ -= count;
}

list_value::place list_value::place_of(std::size_t index) const noexcept {
  if (index < size_ / 2) {
    std::size_t at = 0;
    while (index >= row_[front_ + at].count()) index -= row_[front_ + at++].count();
    return {at, index};
  }
  std::size_t after = size_;
  std::size_t at = chunks();
  do {
    after -= row_[front_ + --at].count();
  } while (index < after);
  return {at, index - after};
}

std::string_view list_value::at(std::size_t index) const noexcept {
  const auto p = place_of(index);
  return row_[front_ + p.chunk].at(p.index);
}

void list_value::push_front(std::string_view word) {
  if (size_ == 0 || !takes(row_[front_], word)) (void)open_chunk(0);
  put(row_[front_], 0, word);
}

void list_value::push_back(std::string_view word) {
  if (size_ == 0 || !takes(row_.back(), word)) (void)open_chunk(chunks());
  put(row_.back(), row_.back().count(), word);
}

// Elements from `index` on get a chunk of their own behind.
void list_value::split(std::size_t at, std::size_t index) {
  (void)open_chunk(at + 1);
  auto& c = row_[front_ + at];
  auto& next = row_[front_ + at + 1];
  const auto moved = c.count() - index;
  for (auto i = index; i < c.count(); ++i) put(next, i - index, c.at(i));
  cut(c, index, moved);
}

void list_value::insert(std::size_t index, std::string_view word) {
  if (index == 0) return push_front(word);
  if (index == size_) return push_back(word);
  const auto p = place_of(index);
  if (takes(row_[front_ + p.chunk], word)) return put(row_[front_ + p.chunk], p.index, word);
  if (p.index > 0) split(p.chunk, p.index);
  // Between two chunks: at the end of the first, or alone.
  const auto before = p.index > 0 ? p.chunk : p.chunk - 1;
  auto& c = row_[front_ + before];
  if (takes(c, word)) return put(c, c.count(), word);
  put(open_chunk(before + 1), 0, word);
}

void list_value::replace(std::size_t index, std::string_view word) {
  const auto p = place_of(index);
  auto& c = row_[front_ + p.chunk];
  if (c.at(p.index).size() == word.size()) {
    std::copy(word.begin(), word.end(), c.bytes.begin() + c.offsets[p.index]);
    return;
  }
  const std::string kept(word);
  erase(index);
  insert(index, kept);
}

void list_value::erase(std::size_t index) {
  const auto p = place_of(index);
  cut(row_[front_ + p.chunk], p.index, 1);
  if (row_[front_ + p.chunk].count() == 0) return drop_chunk(p.chunk);
  // Two small neighbours become one.
  if (p.chunk + 1 >= chunks()) return;
  auto& c = row_[front_ + p.chunk];
  auto& next = row_[front_ + p.chunk + 1];
  const std::size_t half = chunk_limit() / 2;
  if (c.bytes.size() + next.bytes.size() > half || c.count() + next.count() > chunk_elements_max / 2) return;
  for (std::size_t i = 0; i < next.count(); ++i) put(c, c.count(), next.at(i));
  size_ -= next.count();
  drop_chunk(p.chunk + 1);
}

void list_value::keep_range(std::size_t first, std::size_t count) {
  auto behind = size_ - first - count;
  while (behind > 0) {
    auto& last = row_.back();
    const auto some = std::min(behind, last.count());
    cut(last, last.count() - some, some);
    behind -= some;
    if (row_.back().count() == 0) drop_chunk(chunks() - 1);
  }
  while (first > 0) {
    auto& head = row_[front_];
    const auto some = std::min(first, head.count());
    cut(head, 0, some);
    first -= some;
    if (row_[front_].count() == 0) drop_chunk(0);
  }
}

void list_value::visit(std::size_t first, visitor visit) const {
  if (first >= size_) return;
  auto p = place_of(first);
  for (auto index = first; index < size_; ++index) {
    if (!visit(index, row_[front_ + p.chunk].at(p.index))) return;
    if (++p.index == row_[front_ + p.chunk].count()) p = {p.chunk + 1, 0};
  }
}

void list_value::visit_back(std::size_t first, visitor visit) const {
  if (first >= size_) return;
  auto p = place_of(first);
  for (auto index = first + 1; index-- > 0;) {
    if (!visit(index, row_[front_ + p.chunk].at(p.index))) return;
    if (index == 0) return;
    if (p.index == 0) {
      --p.chunk;
      p.index = row_[front_ + p.chunk].count();
    }
    --p.index;
  }
}

bool list_value::apply(value_edit e, const word_list& words) {
  const auto number = words.size() > 0 ? number_of(words[0]) : std::nullopt;
  switch (e) {
    case value_edit::touch: return true;
    case value_edit::push_front:
      for (const auto word : words) push_front(word);
      return true;
    case value_edit::push_back:
      for (const auto word : words) push_back(word);
      return true;
    case value_edit::pop_front:
    case value_edit::pop_back:
      if (!number || *number > size_) return false;
      keep_range(e == value_edit::pop_front ? *number : 0, size_ - *number);
      return true;
    case value_edit::insert_at:
    case value_edit::replace_at:
      if (words.size() != 2 || !number || *number >= size_ + (e == value_edit::insert_at ? 1 : 0)) return false;
      e == value_edit::insert_at ? insert(*number, words[1]) : replace(*number, words[1]);
      return true;
    case value_edit::erase_at:
      for (const auto word : words) {
        const auto index = number_of(word);
        if (!index || *index >= size_) return false;
        erase(*index);
      }
      return true;
    case value_edit::keep_range: {
      const auto count = words.size() == 2 ? number_of(words[1]) : std::nullopt;
      if (!number || !count || *number > size_ || *count > size_ - *number) return false;
      keep_range(*number, *count);
      return true;
    }
    default: return false;
  }
}

}  // namespace troupe
