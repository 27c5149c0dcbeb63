#include "konpro/serve/proxy_routes.h"

#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "konpro/catalog/catalog.h"
#include "tests/testing/status_matchers.h"

namespace konpro {
namespace {

using ::konpro::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr absl::string_view kRoutes = R"pb(
  routes { method: "GET" path: "/v1/**" free: true }
  routes {
    method: "POST"
    path: "/v1/videos"
    operation: "avatar_video"
    hold: "600s"
  }
  routes {
    method: "POST"
    path: "/v1/videos/*/translations"
    operation: "video_translation"
    hold: "10m"
    replays: PASS
  }
  routes {
    method: "POST"
    path: "/v1/photos/"
    operation: "photo_avatar"
    hold: "4"
    preflight: true
  }
  routes { method: "POST" path: "/v1/drafts/**" free: true }
  routes {
    method: "POST"
    path: "/v1/drafts/paid"
    operation: "avatar_video"
    hold: "1s"
  }
  routes { method: "*" path: "/status" free: true }
)pb";

ProxyRoutes Routes() {
  return ProxyRoutes::Parse(kRoutes, "r", Catalog::BuiltIn()).value();
}

// "free", the operation, "none" or "refused".
std::string Found(absl::string_view method, absl::string_view target) {
  static const ProxyRoutes routes = Routes();
  const auto route = routes.Find(method, target);
  if (!route.ok()) return "refused";
  if (*route == nullptr) return "none";
  return (*route)->operation.empty() ? "free" : (*route)->operation;
}

TEST(ProxyRoutes, ARequestHasTheRouteWithTheMostLiteralSegments) {
  struct {
    absl::string_view method;
    absl::string_view target;
    absl::string_view found;
  } const kRows[] = {
      {"POST", "/v1/videos", "avatar_video"},
      {"POST", "/v1/videos?draft=/../x", "avatar_video"},
      // As lax as the routers behind a proxy.
      {"POST", "/v1/videos/", "avatar_video"},
      {"POST", "/V1/Videos", "avatar_video"},
      {"POST", "//v1//videos//", "avatar_video"},
      {"POST", "/v1/%76ideos", "avatar_video"},
      {"POST", "/v1/videos/a/translations", "video_translation"},
      {"POST", "/v1/drafts/paid", "avatar_video"},
      {"POST", "/v1/drafts/paid/1", "free"},
      {"POST", "/v1/drafts", "free"},
      {"POST", "/v1/drafts/a/b/c", "free"},
      {"POST", "/v1/videos/a", "none"},
      {"POST", "/v1/videos/a/b/translations", "none"},
      {"POST", "/v1/photos", "photo_avatar"},
      {"PUT", "/v1/videos", "none"},
      {"post", "/v1/videos", "none"},
      {"GET", "/v1/videos", "free"},
      {"HEAD", "/v1/videos", "free"},
      {"GET", "/v1", "free"},
      {"GET", "/v2", "none"},
      {"GET", "/", "none"},
      {"DELETE", "/status", "free"},
      // What a router could read as another path.
      {"GET", "/v1/../admin", "refused"},
      {"GET", "/v1/%2e%2E/admin", "refused"},
      {"GET", "/v1/./videos", "refused"},
      {"GET", "/v1%2fvideos", "refused"},
      {"GET", "/v1/a%5Cb", "refused"},
      {"GET", "/v1\\videos", "refused"},
      {"GET", "/v1/a%00", "refused"},
      {"GET", "/v1/a%0ab", "refused"},
      {"GET", "/v1/videos;a=b", "refused"},
      {"GET", "/v1/%", "refused"},
      {"GET", "/v1/%zz", "refused"},
      {"GET", "v1/videos", "refused"},
      {"GET", "http://host/v1/videos", "refused"},
      {"GET", "", "refused"},
  };
  for (const auto& row : kRows) {
    EXPECT_EQ(Found(row.method, row.target), row.found)
        << row.method << " " << row.target;
  }
}

TEST(ProxyRoutes, RouteSaysWhatIsHeld) {
  const ProxyRoutes routes = Routes();
  const ProxyRoute video = **routes.Find("POST", "/v1/videos");
  EXPECT_EQ(video.hold, 600'000);
  EXPECT_EQ(video.open_job, OpenJobReplay::kRefuse);
  EXPECT_FALSE(video.preflight);
  const ProxyRoute translation =
      **routes.Find("POST", "/v1/videos/a/translations");
  EXPECT_EQ(translation.open_job, OpenJobReplay::kFirstResult);
  EXPECT_TRUE((*routes.Find("POST", "/v1/photos"))->preflight);
}

// Each says where it stands, and the field.
TEST(ProxyRoutes, FilesThatAreNotClearAreRefused) {
  struct {
    absl::string_view text;
    absl::string_view message;
  } const kRows[] = {
      {"routes {", "r:1:9: "},
      {"route {}", "r:1:"},
      {"routes {\n  path: \"/a\" free: true }", "r:1:1: routes[0].method: "},
      {"routes {\n  method: \"get\" path: \"/a\" free: true }",
       "r:2:3: routes[0].method: "},
      {"routes {\n  method: \"HEAD\" path: \"/a\" free: true }",
       "r:2:3: routes[0].method: "},
      {"routes { method: \"GET\"\n path: \"a\" free: true }",
       "r:2:2: routes[0].path: does not begin"},
      {"routes { method: \"GET\"\n path: \"/a*\" free: true }",
       "r:2:2: routes[0].path: has * within"},
      {"routes { method: \"GET\"\n path: \"/**/a\" free: true }",
       "r:2:2: routes[0].path: has ** that"},
      {"routes { method: \"GET\"\n path: \"/a%20b\" free: true }",
       "r:2:2: routes[0].path: \"a%20b\""},
      {"routes { method: \"GET\"\n path: \"/a/../b\" free: true }",
       "r:2:2: routes[0].path: "},
      {"routes { method: \"GET\" path: \"/a\" }", "routes[0].operation: "},
      {"routes { method: \"GET\" path: \"/a\"\n free: true operation: "
       "\"avatar_video\" hold: \"1s\" }",
       "r:2:2: routes[0].free: "},
      {"routes { method: \"GET\" path: \"/a\" free: true\n hold: \"1s\" }",
       "r:2:2: routes[0].hold: "},
      {"routes { method: \"GET\" path: \"/a\"\n operation: \"avatar_vide\" "
       "hold: \"1s\" }",
       "r:2:2: routes[0].operation: "},
      {"routes { method: \"GET\" path: \"/a\" operation: \"avatar_video\"\n "
       "hold: \"600\" }",
       "r:2:2: routes[0].hold: "},
      {"routes { method: \"GET\" path: \"/a\" operation: \"avatar_video\" }",
       "routes[0].hold: "},
      {"routes { method: \"GET\" path: \"/a\" operation: \"avatar_video\"\n "
       "hold: \"0s\" }",
       "r:2:2: routes[0].hold: is zero"},
  };
  for (const auto& row : kRows) {
    EXPECT_THAT(
        ProxyRoutes::Parse(row.text, "r", Catalog::BuiltIn()),
        StatusIs(absl::StatusCode::kInvalidArgument,
                 AllOf(StartsWith("r:"), HasSubstr(std::string(row.message)))))
        << row.text;
  }
}

TEST(ProxyRoutes, RoutesThatCouldBothWinAreRefused) {
  struct {
    absl::string_view first;
    absl::string_view second;
    bool tie;
  } const kRows[] = {
      {"GET /a", "GET /A/", true},      {"GET /a", "POST /a", false},
      {"GET /a", "* /a", true},         {"GET /a/*", "GET /*/b", true},
      {"GET /a/*", "GET /a/b", false},  {"GET /a/*", "GET /b/*", false},
      {"GET /**", "GET /*", true},      {"GET /a/**", "GET /a", true},
      {"GET /a/**", "GET /a/b", false}, {"GET /a/**", "GET /*/b", true},
      {"GET /a/**", "GET /b", false},   {"GET /*/*", "GET /*", false},
  };
  for (const auto& row : kRows) {
    std::string text;
    for (const absl::string_view route : {row.first, row.second}) {
      const size_t blank = route.find(' ');
      absl::StrAppend(&text, "routes { method: \"", route.substr(0, blank),
                      "\" path: \"", route.substr(blank + 1),
                      "\" free: true }\n");
    }
    const auto routes = ProxyRoutes::Parse(text, "r", Catalog::BuiltIn());
    EXPECT_EQ(routes.ok(), !row.tie) << row.first << ", " << row.second;
    if (row.tie) {
      EXPECT_THAT(routes, StatusIs(absl::StatusCode::kInvalidArgument,
                                   StartsWith("r:2:")));
    }
  }
}

}  // namespace
}  // namespace konpro
