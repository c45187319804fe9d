/*
 * The workflow of the demo, in Amazon States Language: seven steps.  Run by
 * bond_desk, with whose rights its functions are called and its transactions
 * submitted; needs the psql variables "abi" and "bytecode" of the token's
 * contract (test/contracts/BondToken.json).
 */
\set ON_ERROR_STOP on

CREATE TEMPORARY TABLE machine AS SELECT $asl$
{
  "StartAt": "CheckEligibility",
  "States": {
    "CheckEligibility": {
      "Type": "Task",
      "Resource": "sql:bonds.check_eligibility",
      "Next": "DeployToken"
    },
    "DeployToken": {
      "Type": "Task",
      "Resource": "chain:transaction",
      "Parameters": {
        "chain": "local",
        "wallet.$": "$.wallet",
        "constructor": "(string,string,uint8,address)",
        "args.$": "States.Array($.name, $.symbol, 0, $.owner)"
      },
      "ResultSelector": {"address.$": "$.contract_address", "hash.$": "$.hash"},
      "ResultPath": "$.token",
      "Next": "ConfigureToken"
    },
    "ConfigureToken": {
      "Type": "Task",
      "Resource": "chain:transaction",
      "Parameters": {
        "chain": "local",
        "wallet.$": "$.wallet",
        "to.$": "$.token.address",
        "function": "configure",
        "args.$": "States.Array($.cap, $.maturity, $.coupon_basis_points)"
      },
      "ResultPath": null,
      "Next": "AwaitApproval"
    },
    "AwaitApproval": {
      "Type": "Task",
      "Resource": "signal:approval",
      "TimeoutSeconds": 86400,
      "ResultPath": "$.approval",
      "Next": "Mint"
    },
    "Mint": {
      "Type": "Task",
      "Resource": "chain:transaction",
      "Parameters": {
        "chain": "local",
        "wallet.$": "$.wallet",
        "to.$": "$.token.address",
        "function": "mint",
        "args.$": "States.Array($.holder, $.units)"
      },
      "ResultSelector": {"hash.$": "$.hash", "block.$": "$.block_number"},
      "ResultPath": "$.mint",
      "Next": "RegisterInBooks"
    },
    "RegisterInBooks": {
      "Type": "Task",
      "Resource": "sql:bonds.register_in_books",
      "ResultPath": "$.books",
      "Next": "Notify"
    },
    "Notify": {
      "Type": "Task",
      "Resource": "sql:bonds.notify_investor",
      "ResultPath": "$.notified",
      "End": true
    }
  }
}
$asl$::jsonb AS definition;

-- What is too long to read goes in last.
UPDATE machine SET definition = jsonb_set(jsonb_set(jsonb_set(jsonb_set(definition,
	'{States,DeployToken,Parameters,bytecode}', to_jsonb(:'bytecode'::text)),
	'{States,DeployToken,Parameters,abi}', :'abi'),
	'{States,ConfigureToken,Parameters,abi}', :'abi'),
	'{States,Mint,Parameters,abi}', :'abi');

SELECT dalp.create_workflow('issue_bond', definition, 'deploys, configures, mints and books a bond') FROM machine;
SELECT dalp.grant_workflow('issue_bond', 'approver');
