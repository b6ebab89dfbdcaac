#include "http/api_tokens.hpp"

#include <doctest/doctest.h>

using namespace executor::http;
using Access = ApiTokens::Access;

namespace {

ApiTokens::Caller identify(const ApiTokens& tokens, std::string_view authorization) {
  Request request;
  request.headers = {{"Authorization", authorization}};
  return tokens.identify(request);
}

// printf %s beta | sha256sum
constexpr const char* kFile =
    "# tokens\r\n\n alpha  the first one "
    "\r\nf44e64e75f3948e9f73f8dfa94721c4ce8cbb4f265c4790c702b2d41cfbf2753 second";

}  // namespace

TEST_CASE("a token is known by its text or by its digest, and by its name from then on") {
  const ApiTokens tokens = ApiTokens::parse(kFile).value();
  CHECK(tokens.size() == 2);
  CHECK(identify(tokens, "Bearer alpha").name == "the first one");
  CHECK(identify(tokens, "bearer  beta ").name == "second");
  CHECK(identify(tokens, "Bearer alpha").access == Access::granted);
}

TEST_CASE("what is no token of the file is unknown, what is no bearer token is missing") {
  const ApiTokens tokens = ApiTokens::parse(kFile).value();
  for (const char* text : {"Bearer alph", "Bearer alphaa", "Bearer the", "Bearer #",
                           "Bearer f44e64e75f3948e9f73f8dfa94721c4ce8cbb4f265c4790c702b2d41cfbf2753"})
    CHECK_MESSAGE(identify(tokens, text).access == Access::unknown, text);
  for (const char* text : {"", "alpha", "Basic alpha", "Bearer", "Bearer ", "Beareralpha"})
    CHECK_MESSAGE(identify(tokens, text).access == Access::missing, text);
  CHECK(identify(ApiTokens(), "Bearer alpha").access == Access::missing);
}

TEST_CASE("a line that is wrong is named by its number, without its token") {
  const std::string long_token(5000, 'x');
  for (const std::string& text :
       {std::string("a b\nlonely"), std::string("a b\ntoken \x01"), "a b\n" + long_token + " c"}) {
    const auto tokens = ApiTokens::parse(text);
    REQUIRE_FALSE(tokens.has_value());
    CHECK(tokens.error().what.starts_with("line 2 "));
    CHECK(tokens.error().what.find("lonely") == std::string::npos);
  }
}
