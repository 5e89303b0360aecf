"""The functions that mlang declares and cannot do, one a line: M signature, and why.

`SERVICES` need something that is not here (a server, a driver, a product); `UNSUPPORTED` belong to
the engine itself.  ``services.py`` declares those of them that no other module declares, so a
real connector needs no change here.
"""

from __future__ import annotations

#: Signature -> what it would need.
SERVICES: dict[str, str] = {
    "ActiveDirectory.Domains(optional forestRootDomainName as nullable text) as table": "a directory service",
    "Adbc.DataSource(optional first as any, optional second as any, optional third as any) as any":
    "an ADBC driver",
    "Adbc.Query(optional first as any, optional second as any, optional third as any) as any":
    "an ADBC driver",
    "AdobeAnalytics.Cubes(optional options as nullable record) as table": "the Adobe Analytics service",
    "AdoDotNet.DataSource(providerName as text, connectionString as any, optional options as nullable "
    "record) as table": "a .NET data provider",
    "AdoDotNet.Query(providerName as text, connectionString as any, query as text, optional options "
    "as nullable record) as table": "a .NET data provider",
    "AnalysisServices.Database(server as text, database as text, optional options as nullable record) "
    "as table": "an Analysis Services server",
    "AnalysisServices.Databases(server as text, optional options as nullable record) as table":
    "an Analysis Services server",
    "AzureStorage.BlobContents(url as text, optional options as nullable record) as binary":
    "Azure Blob Storage",
    "AzureStorage.Blobs(account as text, optional options as nullable record) as table": "Azure Blob Storage",
    "AzureStorage.DataLake(endpoint as text, optional options as nullable record) as table":
    "Azure Data Lake Storage",
    "AzureStorage.DataLakeContents(url as text, optional options as nullable record) as binary":
    "Azure Data Lake Storage",
    "AzureStorage.Tables(account as text, optional options as nullable record) as table":
    "Azure Table Storage",
    "Cdm.Contents(table as table) as table": "a Common Data Model folder service",
    "Cdpa.Database(tenantUri as text) as any": "a Customer Data Platform tenant",
    "DB2.Database(server as text, database as text, optional options as nullable record) as table":
    "an IBM DB2 server",
    "DeltaLake.Table(directory as table, optional options as nullable record) as any":
    "the Delta Lake reader",
    "Essbase.Cubes(url as text, optional options as nullable record) as table": "an Oracle Essbase server",
    "Exchange.Contents(optional mailboxAddress as nullable text) as table": "an Exchange mailbox",
    "FabricAI.Prompt(input as text, optional context as any) as text": "the Fabric AI service",
    "GoogleAnalytics.Accounts(optional options as nullable record) as table": "the Google Analytics service",
    "Hdfs.Contents(url as text) as table": "a Hadoop file system",
    "Hdfs.Files(url as text) as table": "a Hadoop file system",
    "HdInsight.Containers(account as text) as table": "an HDInsight cluster",
    "HdInsight.Contents(account as text) as table": "an HDInsight cluster",
    "HdInsight.Files(account as text, containerName as text) as table": "an HDInsight cluster",
    "Html.Table(html as any, columnNameSelectorPairs as list, optional options as nullable record) as "
    "table": "the HTML reader",
    "Informix.Database(server as text, database as text, optional options as nullable record) as "
    "table": "an IBM Informix server",
    "MQ.Queue(server as text, queuemanager as text, channel as text, queue as text, optional options "
    "as nullable record) as table": "an IBM MQ server",
    "OData.Feed(serviceUri as text, optional headers as nullable record, optional options as any) as "
    "any": "an OData client",
    "Odbc.DataSource(connectionString as any, optional options as nullable record) as table":
    "an ODBC driver manager",
    "Odbc.InferOptions(connectionString as any) as record": "an ODBC driver manager",
    "Odbc.Query(connectionString as any, query as text, optional options as nullable record) as table":
    "an ODBC driver manager",
    "OleDb.DataSource(connectionString as any, optional options as nullable record) as table":
    "an OLE DB provider",
    "OleDb.Query(connectionString as any, query as text, optional options as nullable record) as "
    "table": "an OLE DB provider",
    "Oracle.Database(server as text, optional options as nullable record) as table": "an Oracle client",
    "Pdf.Tables(pdf as binary, optional options as nullable record) as table": "the PDF reader",
    "RData.FromBinary(stream as binary) as any": "a reader of R data files",
    "Salesforce.Data(optional loginUrl as any, optional options as nullable record) as table":
    "the Salesforce service",
    "Salesforce.Reports(optional loginUrl as nullable text, optional options as nullable record) as "
    "table": "the Salesforce service",
    "SapBusinessWarehouse.Cubes(server as text, systemNumberOrSystemId as text, clientId as text, "
    "optional optionsOrLogonGroup as any, optional options as nullable record) as table":
    "an SAP Business Warehouse server",
    "SapHana.Database(server as text, optional options as nullable record) as table": "an SAP HANA server",
    "SharePoint.Contents(url as text, optional options as nullable record) as table": "a SharePoint site",
    "SharePoint.Files(url as text, optional options as nullable record) as table": "a SharePoint site",
    "SharePoint.Tables(url as text, optional options as nullable record) as table": "a SharePoint site",
    "Soda.Feed(url as text) as table": "an HTTP client for SODA 2.0 services",
    "Sybase.Database(server as text, database as text, optional options as nullable record) as table":
    "an SAP ASE (Sybase) server",
    "Teradata.Database(server as text, optional options as nullable record) as table": "a Teradata server",
    "Web.BrowserContents(url as text, optional options as nullable record) as text": "a web browser",
    "Web.Contents(url as text, optional options as nullable record) as binary": "an HTTP client",
    "Web.Headers(url as text, optional options as nullable record) as record": "an HTTP client",
    "Web.Page(html as any) as table": "the HTML reader",
    "Xml.Document(contents as any, optional encoding as nullable number) as table": "the XML reader",
    "Xml.Tables(contents as any, optional options as nullable record, optional encoding as nullable "
    "number) as table": "the XML reader",
}  # fmt: skip

#: Signature -> what there is nothing of here.
UNSUPPORTED: dict[str, str] = {
    "Binary.End(binary as binary) as binary": "an internal function of the engine",
    "DeltaLake.Metadata(table as table) as table":
    "a list of log entries (the reference doesn't say which columns it has)",
    "DirectQueryCapabilities.From(value as any) as table": "an internal function of the engine",
    "Excel.ShapeTable(table as table, optional options as nullable record) as any":
    "an internal function of the engine",
    "Graph.Nodes(graph as record) as list": "an internal function of the engine",
    "Progress.DataSourceProgress() as any": "an internal function of the engine",
    "SqlExpression.SchemaFrom(schema as any) as any": "an internal function of the engine",
    "Tables.GetRelationships(tables as table, optional dataColumn as nullable text) as table":
    "relationships among tables of a source",
}  # fmt: skip
