import cf from "cloudfront";

/**
 * A CloudFront Function (JavaScript runtime 2.0) for viewer requests. The distribution's origin is the bucket of the
 * builds; the KeyValueStore says, by the frontend's name, which build is current. Moving that one key moves everybody
 * from one build to the other, and what an edge holds of the earlier one lies under another path.
 */
const frontend = "web";
const fallback = "index.html";
const builds = cf.kvs();

async function handler(event) {
  const request = event.request;
  const refuse = (statusCode, statusDescription) => ({ statusCode, statusDescription });
  if (request.method !== "GET" && request.method !== "HEAD") return refuse(405, "Method Not Allowed");
  const uri = request.uri;
  const plain = /^\/[A-Za-z0-9._~@+=,()/-]*$/.test(uri) && !/(?:^|\/)\.{1,2}(?:\/|$)/.test(uri);
  const isFile = /\.[A-Za-z0-9]+$/.test(uri);
  if (isFile && !plain) return refuse(404, "Not Found");
  let build = "";
  try {
    build = await builds.get(frontend);
  } catch (error) {
    return refuse(503, "Service Unavailable");
  }
  if (!/^[0-9a-f]{64}$/.test(build)) return refuse(503, "Service Unavailable");
  request.uri = `/builds/${build}/files${isFile ? uri : `/${fallback}`}`;
  // A query would be one of the store's own: a listing, a version.
  request.querystring = {};
  return request;
}
