#include "validation/report_cache.hpp"

#include <openssl/evp.h>

#include <cstring>
#include <iterator>
#include <memory>
#include <utility>

namespace executor {
namespace {

std::size_t weight(const ValidationReport& report) {
  std::size_t bytes = report.code ? report.code->size() : 0;
  for (const Violation& violation : report.violations) {
    bytes += sizeof violation + violation.rule.capacity() + violation.message.capacity();
  }
  return bytes;
}

}  // namespace

SourceKey source_key(std::string_view language, std::string_view source) {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  SourceKey key{};
  const bool done = context != nullptr && EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) == 1 &&
                    EVP_DigestUpdate(context.get(), language.data(), language.size()) == 1 &&
                    EVP_DigestUpdate(context.get(), "", 1) == 1 &&
                    EVP_DigestUpdate(context.get(), source.data(), source.size()) == 1 &&
                    EVP_DigestFinal_ex(context.get(), key.data(), nullptr) == 1;
  if (!done) throw Exception(Error{"compute SHA-256", std::make_error_code(std::errc::not_enough_memory)});
  return key;
}

std::size_t ReportCache::Hash::operator()(const SourceKey& key) const {
  std::size_t hash = 0;
  std::memcpy(&hash, key.data(), sizeof hash);  // any part of a SHA-256 is as good as a hash of it
  return hash;
}

const ValidationReport* ReportCache::find(const SourceKey& key) {
  const auto place = places_.find(key);
  if (place == places_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, place->second);
  return &place->second->report;
}

void ReportCache::put(const SourceKey& key, ValidationReport report) {
  if (const auto place = places_.find(key); place != places_.end()) drop(place->second);
  const std::size_t bytes = weight(report);
  if (bytes > max_bytes_ || max_entries_ == 0) return;
  while (entries_.size() >= max_entries_ || bytes_ + bytes > max_bytes_) drop(std::prev(entries_.end()));
  entries_.push_front({key, std::move(report), bytes});
  places_.emplace(key, entries_.begin());
  bytes_ += bytes;
}

void ReportCache::drop(std::list<Entry>::iterator entry) {
  bytes_ -= entry->bytes;
  places_.erase(entry->key);
  entries_.erase(entry);
}

}  // namespace executor
