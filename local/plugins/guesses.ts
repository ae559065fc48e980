/**
 * What the local plugins answer without a recorded answer of the vendor's: by resource type and kind of call, where the
 * answer was read instead. A test fails when a kind of call is neither recorded nor named here, and when it is both.
 *
 * Sources: pulumi-docker 5.2.0 on terraform-provider-docker, pulumi-postgresql 3.18.0 on terraform-provider-postgresql,
 * both on pulumi-terraform-bridge 3.137.0. `deleteBeforeReplace` is answered where the bridge's `resources.go` says so of
 * the type, or where the program gave the name itself (`nameRequiresDeleteBeforeReplace`).
 */
export const guesses: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "docker:index/container:Container": {
    "Diff without a change": "the same comparison as the recorded ones, with `memorySwap` beside `memory`",
  },
  "docker:index/network:Network": {
    "Diff that replaces": "resource_docker_network.go: every input is ForceNew; deleted first, for the stack names it",
  },
  "docker:index/remoteImage:RemoteImage": {
    "Diff in place": "resource_docker_image.go: `keep_locally` and `force_remove` are not ForceNew",
    Update: "resource_docker_image_funcs.go: the update pulls the image again and changes nothing else",
  },
  "docker:index/volume:Volume": {
    "Diff in place": "resource_docker_volume.go: `cluster` alone is not ForceNew, and the stack does not use it",
    "Diff that replaces": "resource_docker_volume.go: every input is ForceNew; deleted first, for the stack names it",
    Update: "resource_docker_volume.go: there is an update for `cluster` alone",
  },
  "postgresql:index/database:Database": {
    "Diff that replaces": "resource_postgresql_database.go: encoding, collation, ctype and template are ForceNew",
  },
  "postgresql:index/defaultPrivileges:DefaultPrivileges": {
    "Diff that replaces": "resource_postgresql_default_privileges.go: all but the privileges is ForceNew",
  },
  "postgresql:index/extension:Extension": {
    "Diff in place": "resource_postgresql_extension.go: schema, version and the two cascades are not ForceNew",
    "Diff that replaces": "resource_postgresql_extension.go: name and database are ForceNew",
    Update: "resource_postgresql_extension.go: `alter extension … set schema` and `… update to`",
  },
  "postgresql:index/function:Function": {
    "Diff that replaces": "resource_postgresql_function.go: name, schema, arguments, returns and language are ForceNew",
  },
  "postgresql:index/grant:Grant": {
    "Diff that replaces": "resources.go: the type is always deleted first; all but the privileges is ForceNew",
  },
  "postgresql:index/grantRole:GrantRole": {
    "Diff that replaces": "resource_postgresql_grant_role.go: every input is ForceNew",
  },
  "postgresql:index/schema:Schema": {
    "Diff that replaces": "resource_postgresql_schema.go: the database is ForceNew",
  },
  // Of the aws plugin (7.48.0) there is no recording: every answer about these types is a guess, read from the package's
  // schema and from what the API of AWS says. What a release moves does not depend on it: a task definition and the value
  // of a secret are made before the old one goes because the program says so, the others change in place.
  "aws:ecs/service:Service": { "*": "changes in place; the cluster and the name replace it" },
  "aws:ecs/taskDefinition:TaskDefinition": {
    "*": "every change is another revision; the old ones stay (`skipDestroy`)",
  },
  "aws:lambda/alias:Alias": { "*": "changes in place; the function and the name replace it" },
  "aws:lambda/function:Function": { "*": "changes in place and publishes a version; name and package type replace it" },
  "aws:s3/bucket:Bucket": { "*": "changes in place; the name replaces it, and is protected" },
  "aws:s3/bucketCorsConfiguration:BucketCorsConfiguration": { "*": "changes in place; the bucket replaces it" },
  "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": {
    "*": "changes in place; the bucket replaces it",
  },
  "aws:s3/bucketOwnershipControls:BucketOwnershipControls": { "*": "changes in place; the bucket replaces it" },
  "aws:s3/bucketPolicy:BucketPolicy": {
    "*": "changes in place, compared as hashicorp/awspolicyequivalence d596985 does; the bucket replaces it",
  },
  "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": { "*": "changes in place; the bucket replaces it" },
  "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": {
    "*": "changes in place; the bucket replaces it",
  },
  "aws:s3/bucketVersioning:BucketVersioning": { "*": "changes in place; the bucket replaces it" },
  "aws:secretsmanager/secret:Secret": { "*": "changes in place; the name replaces it" },
  "aws:secretsmanager/secretVersion:SecretVersion": { "*": "another value replaces it" },
};
