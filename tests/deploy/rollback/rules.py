"""What the services say to CloudFormation, each rule with the page of AWS that says so."""

from typing import Any

# Who refuses to be deleted, and by which property.
# - RDS, "DeletionProtection" of AWS::RDS::DBCluster: "The database can't be deleted when deletion protection is enabled." The handler
#   looks before it does anything else, and fails: DeleteHandler.java in aws-cloudformation-resource-providers-rds.
# - DynamoDB, "DeletionProtectionEnabled" of AWS::DynamoDB::Table: "When enabled, the table cannot be deleted by any user or process."
# - Cognito, "DeletionProtection" of AWS::Cognito::UserPool: "When you try to delete a protected user pool in a DeleteUserPool API
#   request, Amazon Cognito returns an InvalidParameterException error."
PROTECTION: dict[str, tuple[str, Any]] = {
    "AWS::RDS::DBCluster": ("DeletionProtection", True),
    "AWS::DynamoDB::Table": ("DeletionProtectionEnabled", True),
    "AWS::Cognito::UserPool": ("DeletionProtection", "ACTIVE"),
}

# What cannot be deleted while something of these types needs it. "Some resources must be empty before they can be deleted. For example,
# you must [...] remove all instances in an Amazon EC2 security group" (Troubleshooting CloudFormation, "Delete stack fails"). What counts
# for EC2 are network interfaces and rules (DeleteSecurityGroup, DeleteSubnet, DeleteVpc: DependencyViolation); a cluster whose
# instances are gone has none. For RDS see DeleteDBCluster ("Cluster cannot be deleted, it still contains DB instances", Deleting Aurora
# DB clusters), DeleteDBSubnetGroup and DeleteDBClusterParameterGroup (Invalid...StateFault).
HAS_INTERFACES = {"AWS::Lambda::Function", "AWS::EC2::VPCEndpoint", "AWS::RDS::DBProxy", "AWS::ElastiCache::ServerlessCache"}
HELD_BY: dict[str, set[str]] = {
    "AWS::EC2::SecurityGroup": HAS_INTERFACES
    | {"AWS::EC2::SecurityGroup", "AWS::EC2::SecurityGroupIngress", "AWS::EC2::SecurityGroupEgress"},
    "AWS::EC2::Subnet": HAS_INTERFACES,
    "AWS::EC2::VPC": {"AWS::EC2::Subnet", "AWS::EC2::SecurityGroup", "AWS::EC2::VPCEndpoint", "AWS::EC2::RouteTable"},
    "AWS::RDS::DBCluster": {"AWS::RDS::DBInstance"},
    "AWS::RDS::DBClusterParameterGroup": {"AWS::RDS::DBCluster"},
    "AWS::RDS::DBSubnetGroup": {"AWS::RDS::DBCluster"},
}
# "All objects (including all object versions and delete markers) in the bucket must be deleted before the bucket itself can be deleted"
# (DeleteBucket). What a stack that stands has in its buckets, `make deploy` has uploaded.
FILLED = {"AWS::S3::Bucket"}

# "To successfully delete a stack with a custom resource, the custom resource provider must respond successfully to a delete request"
# (Custom resource request types, "Delete"). Whatever it needs to do so must still be there.
CUSTOM = "Custom::"

# The log group that RDS makes for a resource, never to expire, if there is none of that name: the property that is a part of the name,
# and what stands before it ("In the RDS Proxy logs", Monitoring RDS Proxy metrics with Amazon CloudWatch).
LOG_MADE_BY_RDS = {"AWS::RDS::DBProxy": ("DBProxyName", "/aws/rds/proxy/")}

# What an update cannot take back.
# - Aurora's version: a rollback does not give EngineVersion to ModifyDBCluster (Translator.java, `modifyDbClusterRequest`, in
#   aws-cloudformation-resource-providers-rds), for RDS only upgrades. The stack then says the old version and has the new one.
ONE_WAY = {("AWS::RDS::DBCluster", "EngineVersion")}

# What is lost with a resource of a type: data, or an address that others know.
HOLDS = {
    "AWS::RDS::DBCluster": "the ledger",
    "AWS::DynamoDB::Table": "balances",
    "AWS::Cognito::UserPool": "users",
    "AWS::Cognito::UserPoolClient": "the id with which programs sign in",
    "AWS::Cognito::UserPoolDomain": "the address of the sign-in pages",
    "AWS::SQS::Queue": "entries that wait",
    "AWS::KMS::Key": "a key, and what it has encrypted",
    "AWS::Events::EventBus": "the bus that rules of others are on",
    "AWS::Events::Archive": "what the bus has kept",
    "AWS::ElastiCache::ServerlessCache": "what is remembered of requests",
    "AWS::StepFunctions::StateMachine": "executions that run",
    "AWS::SecretsManager::Secret": "a key or password",
    "AWS::Logs::LogGroup": "logs",
    "AWS::ApiGatewayV2::Api": "the address of the API",
    "AWS::CloudFront::Distribution": "the address of the console",
    "AWS::EC2::VPC": "the network that the stores are in",
    "AWS::EC2::Subnet": "the network that the stores are in",
}

# Queues of who is to be woken: the ledger has every event, and the schedule wakes whoever is behind.
OF_WAKES = {"EventDeliveries", "EventWakesFailed"}


def held(name: str, kind: str) -> str | None:
    """What is lost with a resource, if anything is."""
    return None if name in OF_WAKES else HOLDS.get(kind)
