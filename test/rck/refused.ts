/**
 * Tests of the compatibility kit that the product refuses to pass, and why. Each fails with the
 * words of that refusal and with no others; one that fails otherwise, or passes, fails the run.
 */
export type Refusal = Readonly<{
  because: string
  /** In what the test fails with. */
  says: RegExp
  tests: readonly string[]
}>

const LAYOUT = 'the partitions, the sort order and the location of these tables'
const NO_ENDPOINT = 'Server does not support endpoint'

export const REFUSALS: readonly Refusal[] = [
  {
    because: 'partitions stay as they are: every commit of the product writes files by day',
    says: new RegExp(`add-spec: ${LAYOUT}`),
    tests: [
      'CatalogTests.testRemoveUnusedSpec(boolean)[1]',
      'CatalogTests.testRemoveUnusedSpec(boolean)[2]',
      'CatalogTests.testUpdateTableAssignmentSpecConflict',
      'CatalogTests.testUpdateTableSchemaServerSideRetry',
      'CatalogTests.testUpdateTableSpec',
      'CatalogTests.testUpdateTableSpecConflict',
      'CatalogTests.testUpdateTableSpecServerSideRetry',
      'CatalogTests.testUpdateTableSpecThenRevert',
      'CatalogTests.testUpdateTransaction',
    ],
  },
  {
    because: 'tables have no sort order of their own: the product sorts files as it merges them',
    says: new RegExp(`add-sort-order: ${LAYOUT}`),
    tests: [
      'CatalogTests.testUpdateTableOrderThenRevert',
      'CatalogTests.testUpdateTableSortOrder',
      'CatalogTests.testUpdateTableSortOrderServerSideRetry',
    ],
  },
  {
    because:
      'a table is not replaced: that drops its rows, its columns and how far events were read',
    says: new RegExp(`(?:add-spec|set-default-(?:spec|sort-order)): ${LAYOUT}`),
    tests: [
      'CatalogTests.testCompleteCreateOrReplaceTransactionReplace',
      'CatalogTests.testCompleteReplaceTransaction',
      'CatalogTests.testConcurrentReplaceTransactionPartitionSpec',
      'CatalogTests.testConcurrentReplaceTransactionPartitionSpec2',
      'CatalogTests.testConcurrentReplaceTransactionPartitionSpecConflict',
      'CatalogTests.testConcurrentReplaceTransactionSchema',
      'CatalogTests.testConcurrentReplaceTransactionSchema2',
      'CatalogTests.testConcurrentReplaceTransactionSchemaConflict',
      'CatalogTests.testConcurrentReplaceTransactionSortOrder',
      'CatalogTests.testConcurrentReplaceTransactionSortOrderConflict',
      'CatalogTests.testConcurrentReplaceTransactions',
      'CatalogTests.testCreateOrReplaceReplaceTransactionReplace',
      'CatalogTests.testDefaultTablePropertiesReplaceTransaction',
      'CatalogTests.testOverrideTablePropertiesReplaceTransaction',
      'CatalogTests.testReplaceTableKeepsSnapshotLog',
      'CatalogTests.testReplaceTransaction',
    ],
  },
  {
    because: 'schemas and partition specs that snapshots were written with are kept',
    says: /remove-schemas: this catalog keeps earlier schemas/,
    tests: [
      'CatalogTests.testRemoveUnusedSchemas(boolean)[1]',
      'CatalogTests.testRemoveUnusedSchemas(boolean)[2]',
    ],
  },
  {
    because: 'metadata files are removed by the product alone, once no reader needs them any more',
    says: /set-properties: write\.metadata\.\S+ is left as it is/,
    tests: ['CatalogTests.testMetadataFileLocationsRemovalAfterCommit'],
  },
  {
    because: 'the catalog has no views',
    says: new RegExp(`${NO_ENDPOINT}: POST /v1/\\{prefix\\}/(?:namespaces/\\{namespace\\}/)?views`),
    tests: [
      'ViewCatalogTests.basicCreateView',
      'ViewCatalogTests.completeCreateView',
      'ViewCatalogTests.concurrentReplaceViewVersion',
      'ViewCatalogTests.createAndReplaceViewWithLocation',
      'ViewCatalogTests.createOrReplaceTableViaTransactionThatAlreadyExistsAsView',
      'ViewCatalogTests.createOrReplaceView(boolean)[1]',
      'ViewCatalogTests.createOrReplaceView(boolean)[2]',
      'ViewCatalogTests.createOrReplaceViewThatAlreadyExistsAsTable',
      'ViewCatalogTests.createTableThatAlreadyExistsAsView',
      'ViewCatalogTests.createTableViaTransactionThatAlreadyExistsAsView',
      'ViewCatalogTests.createViewConflict',
      'ViewCatalogTests.createViewErrorCases',
      'ViewCatalogTests.createViewThatAlreadyExists',
      'ViewCatalogTests.createViewThatAlreadyExistsAsTable',
      'ViewCatalogTests.createViewWithCustomMetadataLocation',
      'ViewCatalogTests.defaultViewProperties',
      'ViewCatalogTests.dropNonEmptyNamespace',
      'ViewCatalogTests.listViews',
      'ViewCatalogTests.listViewsAndTables',
      'ViewCatalogTests.loadTableThatAlreadyExistsAsView',
      'ViewCatalogTests.overrideViewProperties',
      'ViewCatalogTests.registerExistingView',
      'ViewCatalogTests.registerTableThatAlreadyExistsAsView',
      'ViewCatalogTests.registerView',
      'ViewCatalogTests.registerViewThatAlreadyExistsAsTable',
      'ViewCatalogTests.renameTableTargetAlreadyExistsAsView',
      'ViewCatalogTests.renameView',
      'ViewCatalogTests.renameViewNamespaceMissing',
      'ViewCatalogTests.renameViewSourceMissing',
      'ViewCatalogTests.renameViewTargetAlreadyExistsAsTable',
      'ViewCatalogTests.renameViewTargetAlreadyExistsAsView',
      'ViewCatalogTests.renameViewUsingDifferentNamespace',
      'ViewCatalogTests.replaceTableViaTransactionThatAlreadyExistsAsView',
      'ViewCatalogTests.replaceViewConflict',
      'ViewCatalogTests.replaceViewErrorCases',
      'ViewCatalogTests.replaceViewVersion',
      'ViewCatalogTests.replaceViewVersionByUpdatingSQLForDialect',
      'ViewCatalogTests.replaceViewVersionConflict',
      'ViewCatalogTests.replaceViewVersionErrorCases',
      'ViewCatalogTests.testSqlForCaseInsensitive',
      'ViewCatalogTests.testSqlForInvalidArguments',
      'ViewCatalogTests.testSqlForMultipleDialects',
      'ViewCatalogTests.updateViewLocation',
      'ViewCatalogTests.updateViewLocationConflict',
      'ViewCatalogTests.updateViewProperties',
      'ViewCatalogTests.updateViewPropertiesConflict',
      'ViewCatalogTests.updateViewPropertiesErrorCases',
    ],
  },
]

/** Tests that the kit leaves out, and why: whatever the settings, or for catalogs like this one. */
export const LEFT_OUT: ReadonlyMap<string, string> = new Map([
  ['CatalogTests.createAndDropEmptyNamespace', 'the kit has no setting for empty namespaces'],
  ['CatalogTests.createTableInUniqueLocation', 'disabled in the kit'],
  ['CatalogTests.listNamespacesWithEmptyNamespace', 'the kit has no setting for empty namespaces'],
  ['CatalogTests.listTablesInEmptyNamespace', 'the kit has no setting for empty namespaces'],
  [
    'CatalogTests.namespacePropertiesOnEmptyNamespace',
    'the kit has no setting for empty namespaces',
  ],
  ['CatalogTests.testDropNamespaceWithNestedNamespace', 'the kit has no setting for nesting'],
  ['CatalogTests.testListNestedNamespaces', 'the kit has no setting for nesting'],
  ['CatalogTests.testNamespaceWithSlash', 'the kit rules out names with a slash'],
  ['CatalogTests.testTableNameWithSlash', 'the kit rules out names with a slash'],
  ['ViewCatalogTests.listViewsInEmptyNamespace', 'the kit has no setting for empty namespaces'],
])
